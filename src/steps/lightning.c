/*
 * lightning.c
 *	  PyTorch Lightning.
 *
 *		L = up(up(N / W) / b), limited		U = up(L / ga)		T = E x U
 *
 * Section 7e of doc/steps.md: max_steps is a ceiling, and with it epochs need no end.
 */
#include "postgres.h"

#include "steps/dialect.h"

/* Its world: devices, a number or a list, on each of the nodes. */
void
trainjob_read_devices(const JobConfig *config, StepPlan *plan)
{
	int64 devices = 1;
	int64 nodes = 1;

	if (trainjob_config_given(config, CONFIG_DEVICES))
	{
		plan->world.key = CONFIG_DEVICES;
		devices = trainjob_config_length(config, CONFIG_DEVICES);
		if (devices < 0)
			devices = trainjob_config_count(config, CONFIG_DEVICES);
		if (devices < 1)
			trainjob_give_reason(plan, REASON_UNUSABLE, CONFIG_DEVICES);
	}
	if (trainjob_config_given(config, CONFIG_NUM_NODES))
	{
		if (plan->world.key == CONFIG_NONE)
			plan->world.key = CONFIG_NUM_NODES;
		nodes = trainjob_config_count(config, CONFIG_NUM_NODES);
		if (nodes < 1)
			trainjob_give_reason(plan, REASON_UNUSABLE, CONFIG_NUM_NODES);
	}
	plan->world.value = devices < 1 || nodes < 1 ? -1 : devices * nodes;
}

static bool
drops_last(const JobConfig *config)
{
	return trainjob_config_on(config, CONFIG_DROP_LAST) ||
		   trainjob_config_on(config, CONFIG_DATALOADER_DROP_LAST);
}

static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey limit_key = CONFIG_LIMIT_TRAIN_BATCHES;
	int64 samples = divide_up(plan->samples, plan->world.value);
	int64 batches;
	ConfigNumber limit;

	if (drops_last(config))
		batches = samples / plan->batch.value;
	else
		batches = divide_up(samples, plan->batch.value);
	if (trainjob_config_given(config, limit_key))
	{
		if (!trainjob_config_number(config, limit_key, &limit) ||
			limit.sign <= 0 || !limit.fits ||
			(limit.has_point && !is_share(&limit)))
		{
			trainjob_give_reason(plan, REASON_UNUSABLE, limit_key);
			return;
		}
		batches = limit.has_point ? share_of(batches, limit.value)
								  : Min(batches, limit.whole);
	}
	if (batches > 0)
		set_epoch(plan, batches, divide_up(batches, plan->accumulation.value));
	else
		trainjob_give_reason(plan, REASON_NO_STEP, CONFIG_NONE);
}

void
trainjob_count_capped(const JobConfig *config, StepPlan *plan)
{
	int64 total = trainjob_times_epochs(plan->num_epochs, plan->whole_epochs,
										plan->updates_per_epoch);
	int64 ceiling = trainjob_step_ceiling(config, plan->dialect);

	if (ceiling > 0 && (total < 0 || ceiling < total))
	{
		total = ceiling;
		plan->total_key = plan->dialect->ceiling;
	}
	trainjob_set_total(plan, total);
}

/*
 * The steps done when batch r of epoch e has been seen (both from 0 and 1 on, as
 * in section 8), or -1 when the run does not get there, or that is not known.
 */
static int64
step_at(const JobConfig *config, const StepPlan *plan, int64 e, int64 r)
{
	int64 u = plan->updates_per_epoch;
	int64 ga = plan->accumulation.value;
	bool is_endless =
		plan->is_unlimited && trainjob_step_ceiling(config, plan->dialect) == 0;

	if ((plan->total_steps < 1 && !is_endless) || e > PG_INT64_MAX / u - 1)
		return -1;
	if (plan->total_steps >= 1 && e * u + (r - 1) / ga >= plan->total_steps)
		return -1;
	return e * u + (r == plan->batches_per_epoch ? u : r / ga);
}

/* It counts batches, within an epoch or (null) across epochs. */
static void
plan_evaluation(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey epochs_key = CONFIG_CHECK_VAL_EVERY_N_EPOCH;
	const ConfigKey batches_key = CONFIG_VAL_CHECK_INTERVAL;
	int64 batches = plan->batches_per_epoch;
	int64 every_epochs = 1; /* 0: counts across epochs */
	int64 every_batches;
	ConfigNumber number;
	ConfigNumber interval = {1, true, true, true, 1, 1};

	if (trainjob_config_number(config, CONFIG_LIMIT_VAL_BATCHES, &number) &&
		number.sign == 0)
	{
		plan->eval_schedule = EVAL_NONE;
		return;
	}
	if (trainjob_config_given(config, epochs_key))
	{
		every_epochs = trainjob_config_count(config, epochs_key);
		if (every_epochs < 0)
		{
			trainjob_hide_evaluation(plan, epochs_key);
			return;
		}
	}
	else if (config->seen[epochs_key] & CONFIG_NULL)
		every_epochs = 0;
	if (trainjob_config_given(config, batches_key) &&
		(!trainjob_config_number(config, batches_key, &interval) ||
		 interval.sign <= 0 ||
		 (interval.has_point ? !is_share(&interval)
							 : trainjob_config_count(config, batches_key) < 0)))
	{
		trainjob_hide_evaluation(plan, batches_key);
		return;
	}
	if (interval.has_point && every_epochs == 0 &&
		trainjob_config_given(config, batches_key))
		return; /* no share of an epoch without epochs: lightning refuses it */
	if (interval.has_point && interval.value == 1 && every_epochs == 1)
		plan->eval_schedule = EVAL_EPOCH;
	if (batches < 1)
		return;

	if (interval.has_point)
		every_batches = Max(1, share_of(batches, interval.value));
	else
		every_batches = interval.whole;
	if (every_epochs > 0 && every_batches <= batches)
		plan->first_eval_step =
			step_at(config, plan, every_epochs - 1, every_batches);
	else if (every_epochs == 0)
		plan->first_eval_step =
			step_at(config, plan, (every_batches - 1) / batches,
					(every_batches - 1) % batches + 1);
}

/* L, which several settings make, is given as the number it is. */
static void
say_updates(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	if (drops_last(config) ||
		trainjob_config_given(config, CONFIG_LIMIT_TRAIN_BATCHES))
	{
		appendStringInfo(text, "ceil(" INT64_FORMAT " batches",
						 plan->batches_per_epoch);
		trainjob_say_divisors(text, plan->accumulation.value, -1, 1);
	}
	else
	{
		appendStringInfo(text, "ceil(" INT64_FORMAT, plan->samples);
		trainjob_say_divisors(text, plan->batch.value, plan->accumulation.value,
							  plan->world.value);
	}
	appendStringInfoChar(text, ')');
}

const Dialect trainjob_lightning = {
	.name = "lightning",
	.marks = {CONFIG_MAX_EPOCHS, CONFIG_ACCUMULATE_GRAD_BATCHES,
			  CONFIG_LIMIT_TRAIN_BATCHES},
	.batch = {CONFIG_BATCH_SIZE},
	.accumulation = CONFIG_ACCUMULATE_GRAD_BATCHES,
	.default_accumulation = 1,
	.epochs = {CONFIG_MAX_EPOCHS},
	.default_epochs = 1000,
	.whole_epochs = true,
	.ceiling = CONFIG_MAX_STEPS,
	.ceiling_ends_run = true,
	.read_devices = trainjob_read_devices,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_capped,
	.plan_evaluation = plan_evaluation,
	.drops_last = drops_last,
	.say_updates = say_updates,
	.epochs_wanted = "-1 or a whole number above 0",
};
