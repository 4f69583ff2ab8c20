/*
 * hf.c
 *	  Hugging Face's Trainer, and what builds on it: TRL, LLaMA-Factory, Unsloth.
 *
 *		L = up(up(N / b) / W)		U = up(L / ga)		T = up(E x U)
 *
 * Sections 7a and 7b of doc/steps.md.  With dataloader_drop_last L is rounded down.
 */
#include "postgres.h"

#include "common/int.h"

#include "steps/dialect.h"

bool
trainjob_hf_drops_last(const JobConfig *config)
{
	return trainjob_config_on(config, CONFIG_DATALOADER_DROP_LAST);
}

bool
trainjob_has_hf_key(const JobConfig *config)
{
	return trainjob_config_given(config, CONFIG_PER_DEVICE_TRAIN_BATCH_SIZE) ||
		   trainjob_config_given(config, CONFIG_NUM_TRAIN_EPOCHS) ||
		   (trainjob_config_on(config, CONFIG_DO_TRAIN) &&
			trainjob_config_given(config, CONFIG_STAGE));
}

/*
 * Whether the configuration says that it is for a release of transformers
 * before major.minor; if "before", else for that or a later one.
 */
static bool
release_is(const JobConfig *config, bool before, long major, long minor)
{
	const char *text =
		trainjob_config_text(config, CONFIG_TRANSFORMERS_VERSION);
	char *end;
	long given_major;
	long given_minor;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	given_major = strtol(text, &end, 10);
	if (*end != '.' || end[1] < '0' || end[1] > '9')
		return false;
	given_minor = strtol(end + 1, NULL, 10);
	return (given_major < major ||
			(given_major == major && given_minor < minor)) == before;
}

/* Before 4.52 the last, incomplete accumulation made no update (PR 37923). */
static bool
rounds_accumulation_down(const JobConfig *config)
{
	return release_is(config, true, 4, 52);
}

int64
trainjob_hf_updates(const JobConfig *config, const StepPlan *plan,
					int64 batches)
{
	if (rounds_accumulation_down(config))
		return Max(1, batches / plan->accumulation.value);
	return divide_up(batches, plan->accumulation.value);
}

int64
trainjob_hf_batches(const JobConfig *config, const StepPlan *plan)
{
	int64 n = plan->samples;
	int64 b = plan->batch.value;
	int64 w = plan->world.value;
	bool drop_last = trainjob_hf_drops_last(config);

	if (w > 1 && trainjob_config_member_on(config, CONFIG_ACCELERATOR_CONFIG,
										   "split_batches"))
	{
		if (b % w != 0)
			return -1;
		return drop_last ? n / b : divide_up(n, b);
	}
	return drop_last ? n / b / w : divide_up(divide_up(n, b), w);
}

void
trainjob_measure_hf_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 batches = trainjob_hf_batches(config, plan);

	if (batches > 0)
		set_epoch(plan, batches, trainjob_hf_updates(config, plan, batches));
	else
		trainjob_give_reason(plan,
							 batches < 0 ? REASON_BATCH_NOT_SHARED
										 : REASON_NO_STEP,
							 CONFIG_NONE);
}

/* eval_delay: true and the number, 0 when missing; false when unusable. */
static bool
read_delay(const JobConfig *config, StepPlan *plan, ConfigNumber *delay)
{
	*delay = (ConfigNumber){.fits = true, .is_whole = true};
	if (!trainjob_config_given(config, CONFIG_EVAL_DELAY) ||
		(trainjob_config_number(config, CONFIG_EVAL_DELAY, delay) &&
		 delay->sign >= 0))
		return true;
	plan->eval_key = CONFIG_EVAL_DELAY;
	return false;
}

/*
 * The first multiple of s, from 1 and from the delay on, that is not above T.
 * From 5.4 on there is an evaluation at T as well (PR 44146).
 */
static int64
first_multiple(const JobConfig *config, const StepPlan *plan,
			   const ConfigNumber *delay)
{
	int64 s = plan->eval_every_steps;
	int64 start = delay->sign == 0 ? 1 : trainjob_whole_up(delay);
	int64 first;

	if (start < 0 || pg_mul_s64_overflow(divide_up(start, s), s, &first))
		first = -1;
	if (first > 0 && (plan->total_steps < 1 || first <= plan->total_steps))
		return first;
	return start > 0 && start <= plan->total_steps &&
				   release_is(config, false, 5, 4)
			   ? plan->total_steps
			   : -1;
}

/*
 * The first end of an epoch, or of the run, whose epoch value is at least the
 * delay.  The run's end may lie within an epoch; its epoch value is counted in
 * batches.
 */
static int64
first_epoch_end(const StepPlan *plan, const ConfigNumber *delay)
{
	int64 u = plan->updates_per_epoch;
	int64 total = plan->total_steps;
	int64 k = delay->sign == 0 ? 1 : trainjob_whole_up(delay);
	double end;

	if (u < 1 || total < 1)
		return -1;
	if (k > 0 && k <= total / u)
		return k * u;
	if (total % u == 0)
		return -1;
	if (delay->sign == 0)
		return total;
	/* where U is known, so are the batches of an epoch and the accumulation */
	end = (double) (total / u) + (double) (total % u) *
									 (double) plan->accumulation.value /
									 (double) plan->batches_per_epoch;
	return end >= delay->value ? total : -1;
}

void
trainjob_plan_hf_evaluation(const JobConfig *config, StepPlan *plan)
{
	ConfigNumber number;
	ConfigNumber delay;

	plan->eval_schedule = EVAL_NONE;
	if (trainjob_strategy_is(config, "steps"))
		trainjob_evaluate_every(
			config, plan,
			!trainjob_config_given(config, CONFIG_EVAL_STEPS) ||
					(trainjob_config_number(config, CONFIG_EVAL_STEPS,
											&number) &&
					 number.sign == 0)
				? CONFIG_LOGGING_STEPS
				: CONFIG_EVAL_STEPS);
	else if (trainjob_strategy_is(config, "epoch"))
		plan->eval_schedule = EVAL_EPOCH;

	if (trainjob_config_on(config, CONFIG_EVAL_ON_START))
		plan->first_eval_step = 0;
	else if (plan->eval_schedule == EVAL_STEPS &&
			 read_delay(config, plan, &delay))
		plan->first_eval_step = first_multiple(config, plan, &delay);
	else if (plan->eval_schedule == EVAL_EPOCH &&
			 read_delay(config, plan, &delay))
		plan->first_eval_step = first_epoch_end(plan, &delay);
}

void
trainjob_say_hf_updates(StringInfo text, const JobConfig *config,
						const StepPlan *plan)
{
	int64 world = plan->world.value;

	if (world > 1 &&
		trainjob_config_member_on(config, CONFIG_ACCELERATOR_CONFIG,
								  "split_batches"))
		world = 1;
	if (trainjob_hf_drops_last(config) || rounds_accumulation_down(config))
	{
		appendStringInfo(text, "%s(%s(" INT64_FORMAT,
						 rounds_accumulation_down(config) ? "floor" : "ceil",
						 trainjob_hf_drops_last(config) ? "floor" : "ceil",
						 plan->samples);
		trainjob_say_divisors(text, plan->batch.value, -1, world);
		appendStringInfo(text, ") / " INT64_FORMAT ")",
						 plan->accumulation.value);
		return;
	}
	appendStringInfo(text, "ceil(" INT64_FORMAT, plan->samples);
	trainjob_say_divisors(text, plan->batch.value, plan->accumulation.value,
						  world);
	appendStringInfoChar(text, ')');
}

const Dialect trainjob_hf = {
	.name = "hf",
	.recognises = trainjob_has_hf_key,
	.batch = {CONFIG_PER_DEVICE_TRAIN_BATCH_SIZE, CONFIG_BATCH_SIZE},
	.default_batch = 8,
	.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
	.default_accumulation = 1,
	.epochs = {CONFIG_NUM_TRAIN_EPOCHS, CONFIG_NUM_EPOCHS, CONFIG_EPOCHS,
			   CONFIG_EPOCH},
	.default_epochs = 3,
	/* ms-swift, 360-LLaMA-Factory: such a group works on one batch */
	.divides_world = {CONFIG_SEQUENCE_PARALLEL_SIZE},
	.epoch_proves_updates = true,
	.measure_epoch = trainjob_measure_hf_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = trainjob_plan_hf_evaluation,
	.drops_last = trainjob_hf_drops_last,
	.say_updates = trainjob_say_hf_updates,
	.epochs_wanted = "a number above 0",
};
