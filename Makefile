# trainjob: build with `make`, install with `make install`; `make test` and
# `make demo` set up what they need by themselves.

EXTENSION = trainjob
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(EXTENSION).control)

MODULE_big = $(EXTENSION)
OBJS = trainjob.o trigger_call.o columns.o plan_cache.o job_config.o \
	job_steps.o job_explain.o job_status.o job_fill.o metric_rollup.o alert.o overview.o lttb.o
DATA = $(sort $(wildcard trainjob--*.sql))
PGFILEDESC = "trainjob - keeps the rows of training jobs true"
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=$(EXTENSION)
ISOLATION = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --load-extension=$(EXTENSION)
TAP_TESTS = 1
PROVE_TESTS = $(sort $(wildcard test/t/*.pl))

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): trainjob.h
