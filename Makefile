# trainjob: "make" and "make install" with a PostgreSQL's pg_config at hand;
# "make test" and "make demo" set up what they need by themselves.

EXTENSION = trainjob
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(EXTENSION).control)

MODULE_big = $(EXTENSION)
OBJS = trainjob.o \
	$(addprefix src/pg/,trigger_call.o tuple_patch.o subtransaction.o) \
	$(addprefix src/status/,status.o words.o) \
	$(addprefix src/tables/,columns.o column.o column_words.o filler.o value.o value_write.o types.o set.o set_find.o partner.o query.o owner.o direct_find.o meet_look.o meet.o) \
	$(addprefix src/steps/,number.o config.o dialect.o keywords.o unknown.o openai.o lightning.o torchtune.o axolotl.o hf.o baseline.o \
		grpo.o ppo.o service.o card.o deepspeed.o litgpt.o mlx.o verl.o skyrl.o openrlhf.o megatron.o h2o.o autotrain.o \
		steps.o evidence.o explain.o functions.o) \
	$(addprefix src/jobs/,job_row.o job_times.o job_counts.o job_total.o config_out.o job_fill.o \
		job_change.o job_preview.o direct_update.o status_change.o dataset.o dataset_meeting.o old_copy.o) \
	$(addprefix src/metrics/,fill.o reports.o newest.o rollup_part.o advance.o settle.o rollup.o truth.o) \
	$(addprefix src/alerts/,alert.o alert_job.o waiting.o) \
	$(addprefix src/token/,report.o target.o alias.o point.o) \
	$(addprefix src/reading/,curve.o lttb.o views.o)
DATA = $(sort $(wildcard $(EXTENSION)--*.sql))
PGFILEDESC = "trainjob - keeps the rows of training jobs true"
PG_CPPFLAGS = -I$(srcdir)/src -DTRAINJOB_VERSION='"$(EXTVERSION)"'
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers
EXTRA_CLEAN = demo/train

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=$(EXTENSION)
ISOLATION = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --load-extension=$(EXTENSION)
TAP_TESTS = 1
PROVE_TESTS = $(sort $(wildcard test/t/*.pl))
# two at a time, for they wait a good deal
PROVE_FLAGS = -I test/lib -j 2

# On a machine where nothing is installed yet there is no pg_config, and make
# must get to test, demo and the like all the same. "?=" lets the environment,
# and so "PG_CONFIG=... make test", reach the scripts.
PG_CONFIG ?= pg_config

SCRIPTED = test test-matrix test-package test-memcheck test-clients test-trainers coverage lint format demo bench ci dist

ifneq ($(filter-out $(SCRIPTED),$(or $(MAKECMDGOALS),all)),)
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
endif

$(OBJS): $(wildcard $(srcdir)/src/*/*.h)

# For a build outside the source tree.
folders = $(sort $(dir $(OBJS)))
$(OBJS) $(OBJS:.o=.bc): | $(folders)
$(folders):
	@mkdir -p $@

# make test TESTS="job_fill tap" runs these only; see test/run.
test:
	@test/run $(TESTS)

# make test-matrix VERSIONS="17 19"; all majors without it.
test-matrix:
	@test/matrix $(VERSIONS) $(if $(TESTS),-- $(TESTS))

test-package:
	@test/package

test-clients:
	@test/clients/run

test-trainers:
	@test/trainers/run $(TRAINERS)

test-memcheck:
	@test/memcheck $(TESTS)

coverage:
	@test/coverage $(TESTS)

# Both are for a commit hook too; see test/lint.
lint:
	@test/lint

format:
	@test/lint --format

demo:
	@demo/run

bench:
	@bench/run

ci:
	@.ci/run

dist:
	git archive --format=zip --prefix=$(EXTENSION)-$(EXTVERSION).0/ \
		-o $(EXTENSION)-$(EXTVERSION).0.zip HEAD

# The demonstration's trainer. Sums may be reordered, so that they are done
# several at a time; NaN stays NaN.
TRAIN_FLAGS = -fassociative-math -fno-signed-zeros -fno-trapping-math -fno-math-errno

demo/train: demo/train.c
	$(CC) -std=gnu99 -O3 $(TRAIN_FLAGS) -Wall -Wextra $(COPT) \
		-I$(shell $(PG_CONFIG) --includedir) -o $@ $< -L$(shell $(PG_CONFIG) --libdir) -lpq -lm

.PHONY: $(SCRIPTED)
