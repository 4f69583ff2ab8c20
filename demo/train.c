/*-------------------------------------------------------------------------
 *
 * train.c
 *	  A small trainer that reports to PostgreSQL, for the demonstration.
 *
 * usage: train JOB_ID      (connects as PGHOST and its like say)
 *
 * It trains a character-level language model on the text file that the job's
 * dataset_path names, with the settings of the job's config. Like any trainer
 * it knows nothing of trainjob: it reads its job, says how many samples its
 * dataset has, and from then on does plain INSERTs of metrics and alerts. It
 * never writes to the job's row.
 *
 * The model sees the last "context_length" characters and predicts the next:
 * embeddings, one hidden layer of tanh, softmax (Bengio et al., 2003).
 *
 * Words used here: a window is one sample of the dataset, a stretch of
 * context_length + max_length characters of which the last max_length are to
 * be predicted. A micro-batch is per_device_train_batch_size windows. A step is
 * one update of the weights, after gradient_accumulation_steps micro-batches
 * or what is left of them at the end of an epoch. A row is one prediction.
 *
 * The program ends after one job, so what it allocates is not freed.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

/* The validation text is the end of each third, so that it is of all kinds. */
#define SECTIONS 3

#define ADAM_BETA1 0.9
#define ADAM_BETA2 0.999
#define ADAM_EPSILON 1e-8

/* The config, with the names and defaults of the Hugging Face trainer. */
typedef struct Settings
{
	double batch_size; /* per_device_train_batch_size */
	double accumulation;
	double epochs;
	double max_steps; /* not above 0: as many as the epochs give */
	double learning_rate;
	double weight_decay;
	double max_grad_norm; /* 0: gradients are not clipped */
	double warmup_ratio;
	double logging_steps;
	double eval_steps; /* 0: no evaluation */
	double seed;
	double max_length;		   /* characters predicted per window */
	double windows;			   /* samples cut from the text */
	double validation_percent; /* of text and windows */
	double context;
	double embedding;
	double hidden;
	bool logging_first_step;
} Settings;

typedef struct Dataset
{
	unsigned char *text; /* as indexes into the vocabulary */
	size_t length;
	int vocabulary;
	size_t *train; /* where each window starts */
	size_t *validation;
	int train_count;
	int validation_count;
} Dataset;

/*
 * All weights stand in one array, so that the optimizer need not know the
 * layers. The members below the arrays say where a layer begins in it.
 */
typedef struct Model
{
	int context;
	int embedding;
	int hidden;
	int vocabulary;
	size_t size;
	float *weight;
	float *gradient;
	float *moment1;
	float *moment2;
	size_t embeddings;	/* [vocabulary][embedding] */
	size_t hidden_w;	/* [context * embedding][hidden] */
	size_t hidden_b;	/* [hidden] */
	size_t output_w;	/* [hidden][vocabulary] */
	size_t output_b;	/* [vocabulary] */
	float *input;		/* what the forward pass leaves for the backward one: */
	float *activation;	/* one line per row */
	float *probability; /* becomes the gradient of the logits */
	float *d_input;
	float *d_activation;
} Model;

/* What has been seen since the last report. */
typedef struct Interval
{
	double loss; /* sum over rows */
	long rows;
	long windows;
	double since;
} Interval;

typedef struct Run
{
	Settings settings;
	Dataset data;
	Model model;
	Interval interval;
	uint64_t random;
	long total_steps;
	long step;
	double epoch;
	double learning_rate; /* of the last step, as the norm */
	double grad_norm;
} Run;

static PGconn *connection;
static const char *job_id;
static long last_step = -1; /* that alerts name; -1: none done yet */
static volatile sig_atomic_t interrupted;

static void fail(const char *error_type, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* ----------------------------------------------------------------
 *		the database
 * ----------------------------------------------------------------
 */

/* Runs one statement; text parameters, a null pointer is NULL. */
static PGresult *
execute(const char *sql, int count, const char *const *values)
{
	PGresult *result =
		PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
	{
		/* No alert: the connection it would take is what has failed. */
		fprintf(stderr, "train: %s", PQerrorMessage(connection));
		exit(1);
	}
	return result;
}

/* A number as a parameter; printf spells NaN and infinity its own ways. */
static const char *
number(char *buffer, size_t size, double value)
{
	if (isnan(value))
		return "NaN";
	if (isinf(value))
		return value > 0 ? "Infinity" : "-Infinity";
	snprintf(buffer, size, "%.17g", value);
	return buffer;
}

static void
report_alert(const char *type, const char *error_type, const char *message)
{
	char step[32];
	const char *values[] = {job_id, type, error_type, message, NULL};

	if (last_step >= 0)
		values[4] = number(step, sizeof(step), (double) last_step);
	PQclear(execute("INSERT INTO alert_event"
					" (job_id, type, error_type, error_message, current_step)"
					" VALUES ($1, $2, $3, $4, $5)",
					5, values));
}

static void
fail(const char *error_type, const char *format, ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	report_alert("job_failed", error_type, message);
	fprintf(stderr, "train: %s\n", message);
	exit(1);
}

static void
report_training(const Run *run, double now)
{
	const Interval *interval = &run->interval;
	double seconds = now - interval->since;
	double columns[] = {(double) run->step,
						run->epoch,
						interval->loss / (double) interval->rows,
						run->learning_rate,
						run->grad_norm,
						(double) interval->windows / seconds,
						(double) interval->rows / seconds};
	enum
	{
		COLUMNS = sizeof(columns) / sizeof(columns[0])
	};
	char text[COLUMNS][32];
	const char *values[COLUMNS + 1] = {job_id};

	for (int i = 0; i < COLUMNS; i++)
		values[i + 1] = number(text[i], sizeof(text[i]), columns[i]);
	PQclear(execute("INSERT INTO local_training_metrics"
					" (job_id, step, epoch, train_loss, learning_rate,"
					" grad_norm, samples_per_second, tokens_per_second)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
					COLUMNS + 1, values));
}

static void
report_evaluation(const Run *run, double loss)
{
	char step[32];
	char epoch[32];
	char eval_loss[32];
	const char *values[] = {job_id,
							number(step, sizeof(step), (double) run->step),
							number(epoch, sizeof(epoch), run->epoch),
							number(eval_loss, sizeof(eval_loss), loss)};

	PQclear(execute("INSERT INTO local_training_metrics"
					" (job_id, step, epoch, eval_loss) VALUES ($1, $2, $3, $4)",
					4, values));
}

static void
report_samples(const char *path, const Dataset *data)
{
	char total[32];
	char train[32];
	char validation[32];
	const char *values[] = {path,
							number(total, sizeof(total),
								   data->train_count + data->validation_count),
							number(train, sizeof(train), data->train_count),
							number(validation, sizeof(validation),
								   data->validation_count)};

	PQclear(execute("UPDATE training_datasets SET sample_count = $2,"
					" train_samples = $3, val_samples = $4"
					" WHERE storage_path = $1",
					4, values));
}

/* Returns the job's dataset_path. */
static const char *
read_job(void)
{
	PGresult *result = execute("SELECT dataset_path FROM local_training_jobs"
							   " WHERE id = $1",
							   1, &job_id);

	if (PQntuples(result) != 1)
	{
		fprintf(stderr, "train: there is no job %s\n", job_id);
		exit(1);
	}
	if (PQgetisnull(result, 0, 0))
		fail("config", "the job names no dataset");
	return PQgetvalue(result, 0, 0);
}

/*
 * The number at a path of the config, "model.hidden_size" for example, or the
 * value given where the config has none.
 */
static double
setting(const char *path, double missing, double lowest, double highest)
{
	const char *values[] = {job_id, path};
	PGresult *result = execute("SELECT config #>> string_to_array($2, '.')"
							   " FROM local_training_jobs WHERE id = $1",
							   2, values);
	const char *text = PQgetvalue(result, 0, 0);
	double value = missing;
	char *end = NULL;

	if (!PQgetisnull(result, 0, 0))
	{
		value = strtod(text, &end);
		if (end == text || *end != '\0' || !(value >= lowest) ||
			!(value <= highest))
			fail("config", "%s must be a number from %g to %g, not \"%s\"",
				 path, lowest, highest, text);
	}
	PQclear(result);
	return value;
}

static double
whole_setting(const char *path, double missing, double lowest, double highest)
{
	double value = setting(path, missing, lowest, highest);

	if (value != floor(value))
		fail("config", "%s must be a whole number, not %g", path, value);
	return value;
}

static bool
config_says(const char *key, const char *word)
{
	const char *values[] = {job_id, key, word};
	PGresult *result = execute("SELECT config ->> $2 = $3"
							   " FROM local_training_jobs WHERE id = $1",
							   3, values);
	bool answer = strcmp(PQgetvalue(result, 0, 0), "t") == 0;

	PQclear(result);
	return answer;
}

/* The upper limits keep every product of two sizes within an int. */
static Settings
read_settings(void)
{
	Settings s;

	s.batch_size = whole_setting("per_device_train_batch_size", 8, 1, 1000);
	s.accumulation = whole_setting("gradient_accumulation_steps", 1, 1, 1000);
	s.epochs = setting("num_train_epochs", 3, 1e-6, 1e6);
	s.max_steps = whole_setting("max_steps", -1, -1, 1e9);
	s.learning_rate = setting("learning_rate", 5e-5, 0, 1e30);
	s.weight_decay = setting("weight_decay", 0, 0, 1);
	s.max_grad_norm = setting("max_grad_norm", 1, 0, 1e30);
	s.warmup_ratio = setting("warmup_ratio", 0, 0, 1);
	s.logging_steps = whole_setting("logging_steps", 500, 1, 1e9);
	s.eval_steps = whole_setting("eval_steps", s.logging_steps, 1, 1e9);
	s.seed = whole_setting("seed", 42, 0, 1e9);
	s.max_length = whole_setting("max_length", 32, 1, 1000);
	s.windows = whole_setting("data.windows", 3000, 100, 1e6);
	s.validation_percent = setting("data.validation_percent", 10, 1, 50);
	s.context = whole_setting("model.context_length", 6, 1, 1000);
	s.embedding = whole_setting("model.embedding_size", 24, 1, 1000);
	s.hidden = whole_setting("model.hidden_size", 256, 1, 1000);
	s.logging_first_step = config_says("logging_first_step", "true");
	if (!config_says("eval_strategy", "steps"))
		s.eval_steps = 0;
	if (!config_says("lr_scheduler_type", "cosine"))
		fail("config", "lr_scheduler_type must be \"cosine\"");
	return s;
}

/* ----------------------------------------------------------------
 *		the dataset
 * ----------------------------------------------------------------
 */

static void *
allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		fail("out_of_memory", "out of memory for %zu x %zu bytes", count, size);
	return memory;
}

static void
read_text(const char *path, Dataset *data)
{
	FILE *file = fopen(path, "rb");
	size_t room = (size_t) 1 << 20; /* more text than this run would use */

	if (file == NULL)
		fail("dataset", "cannot open dataset \"%s\": %s", path,
			 strerror(errno));
	data->text = allocate(room, 1);
	data->length = fread(data->text, 1, room, file);
	if (ferror(file))
		fail("dataset", "cannot read dataset \"%s\": %s", path,
			 strerror(errno));
	fclose(file);
}

/* The vocabulary is the bytes that the text has. */
static void
index_text(Dataset *data)
{
	int number_of[256] = {0};

	data->vocabulary = 0;
	for (size_t i = 0; i < data->length; i++)
		number_of[data->text[i]] = 1;
	for (int byte = 0; byte < 256; byte++)
		if (number_of[byte])
			number_of[byte] = data->vocabulary++;
	for (size_t i = 0; i < data->length; i++)
		data->text[i] = (unsigned char) number_of[data->text[i]];
}

/*
 * The wanted number of windows, evenly spread over all places where one can
 * start: in the first part of each section for training, in its end for
 * validation. No window crosses the border, so that none of what validation
 * predicts has been trained on. Windows of a short text overlap.
 */
static size_t *
cut_windows(const Dataset *data, const Settings *s, bool validation, int count)
{
	size_t section = data->length / SECTIONS;
	size_t held_back =
		(size_t) ((double) section * s->validation_percent / 100);
	size_t part = validation ? held_back : section - held_back;
	size_t window = (size_t) (s->context + s->max_length);
	size_t *start = allocate((size_t) count, sizeof(size_t));
	size_t places;

	if (part < window || (part - window + 1) * SECTIONS < (size_t) count)
		fail("dataset", "a text of %zu bytes is too short for %d windows",
			 data->length, count);
	places = part - window + 1;
	for (int i = 0; i < count; i++)
	{
		size_t place = (size_t) i * places * SECTIONS / (size_t) count;

		start[i] = place / places * section + place % places +
				   (validation ? section - held_back : 0);
	}
	return start;
}

/*
 * A yardstick: the loss on the validation windows of a table that counts which
 * character follows which in the training windows.
 */
static double
bigram_loss(const Dataset *data, const Settings *s)
{
	static double pairs[256][256];
	static double sums[256];
	size_t first = (size_t) s->context;
	size_t end = first + (size_t) s->max_length;
	double loss = 0;

	for (int i = 0; i < data->train_count; i++)
		for (size_t j = first; j < end; j++)
		{
			const unsigned char *at = data->text + data->train[i] + j;

			pairs[at[-1]][at[0]]++;
			sums[at[-1]]++;
		}
	for (int i = 0; i < data->validation_count; i++)
		for (size_t j = first; j < end; j++)
		{
			const unsigned char *at = data->text + data->validation[i] + j;

			/* A pair never seen counts a tenth, or its loss were infinite. */
			loss -= log((pairs[at[-1]][at[0]] + 0.1) /
						(sums[at[-1]] + 0.1 * data->vocabulary));
		}
	return loss / ((double) data->validation_count * s->max_length);
}

static void
load_dataset(const char *path, const Settings *s, Dataset *data)
{
	int windows = (int) s->windows;

	read_text(path, data);
	index_text(data);
	data->validation_count = (int) (windows * s->validation_percent / 100);
	data->train_count = windows - data->validation_count;
	data->train = cut_windows(data, s, false, data->train_count);
	data->validation = cut_windows(data, s, true, data->validation_count);
}

/* splitmix64: small, and the same numbers on every machine. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9E3779B97F4A7C15u);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static void
shuffle(size_t *items, int count, uint64_t *random)
{
	for (int i = count - 1; i > 0; i--)
	{
		int other = (int) (next_random(random) % (uint64_t) (i + 1));
		size_t swap = items[i];

		items[i] = items[other];
		items[other] = swap;
	}
}

/* ----------------------------------------------------------------
 *		the model
 *
 * Matrices are stored row by row. The loops run along rows of the weights, in
 * the order in which a compiler turns them into vector instructions.
 * ----------------------------------------------------------------
 */

/* out = in * w + b, for each row */
static void
affine(float *restrict out, const float *restrict in, const float *restrict w,
	   const float *restrict b, int rows, int n_in, int n_out)
{
	for (int r = 0; r < rows; r++, in += n_in, out += n_out)
	{
		memcpy(out, b, (size_t) n_out * sizeof(float));
		for (int i = 0; i < n_in; i++)
			for (int j = 0; j < n_out; j++)
				out[j] += in[i] * w[i * n_out + j];
	}
}

/* Adds to d_w and d_b, and sets d_in. */
static void
affine_backward(float *restrict d_in, float *restrict d_w, float *restrict d_b,
				const float *restrict d_out, const float *restrict in,
				const float *restrict w, int rows, int n_in, int n_out)
{
	for (int r = 0; r < rows; r++, in += n_in, d_in += n_in, d_out += n_out)
	{
		for (int j = 0; j < n_out; j++)
			d_b[j] += d_out[j];
		for (int i = 0; i < n_in; i++)
		{
			float sum = 0;

			for (int j = 0; j < n_out; j++)
			{
				d_w[i * n_out + j] += in[i] * d_out[j];
				sum += w[i * n_out + j] * d_out[j];
			}
			d_in[i] = sum;
		}
	}
}

static void
randomize(float *weight, size_t count, double scale, uint64_t *random)
{
	for (size_t i = 0; i < count; i++)
	{
		double uniform = (double) (next_random(random) >> 11) * 0x1p-53;

		weight[i] = (float) ((2 * uniform - 1) * scale);
	}
}

static void
create_model(Model *m, const Settings *s, int vocabulary, uint64_t *random)
{
	size_t rows = (size_t) (s->batch_size * s->max_length);
	size_t n_in;
	size_t n_hidden;
	size_t n_out = (size_t) vocabulary;

	m->context = (int) s->context;
	m->embedding = (int) s->embedding;
	m->hidden = (int) s->hidden;
	m->vocabulary = vocabulary;
	n_in = (size_t) m->context * (size_t) m->embedding;
	n_hidden = (size_t) m->hidden;

	m->embeddings = 0;
	m->hidden_w = m->embeddings + n_out * (size_t) m->embedding;
	m->hidden_b = m->hidden_w + n_in * n_hidden;
	m->output_w = m->hidden_b + n_hidden;
	m->output_b = m->output_w + n_hidden * n_out;
	m->size = m->output_b + n_out;

	m->weight = allocate(m->size, sizeof(float));
	m->gradient = allocate(m->size, sizeof(float));
	m->moment1 = allocate(m->size, sizeof(float));
	m->moment2 = allocate(m->size, sizeof(float));
	m->input = allocate(rows * n_in, sizeof(float));
	m->d_input = allocate(rows * n_in, sizeof(float));
	m->activation = allocate(rows * n_hidden, sizeof(float));
	m->d_activation = allocate(rows * n_hidden, sizeof(float));
	m->probability = allocate(rows * n_out, sizeof(float));

	/* Biases begin at 0, and so does the output: the first loss is ln(V). */
	randomize(m->weight + m->embeddings, n_out * (size_t) m->embedding, 1,
			  random);
	randomize(m->weight + m->hidden_w, n_in * n_hidden,
			  sqrt(3.0 / (double) n_in), random);
}

/* Turns logits into probabilities; returns the loss of the one row. */
static double
softmax_loss(float *logit, int count, int target)
{
	float highest = logit[0];
	double sum = 0;
	double loss;

	for (int j = 1; j < count; j++)
		if (logit[j] > highest)
			highest = logit[j];
	for (int j = 0; j < count; j++)
		sum += exp((double) (logit[j] - highest));
	loss = log(sum) + (double) highest - (double) logit[target];
	for (int j = 0; j < count; j++)
		logit[j] = (float) (exp((double) (logit[j] - highest)) / sum);
	return loss;
}

/* The characters before each position that the window predicts. */
static void
embed_window(Model *m, const unsigned char *window, int length, float *input)
{
	size_t line = (size_t) m->embedding;

	for (int r = 0; r < length; r++)
		for (int i = 0; i < m->context; i++, input += line)
			memcpy(input, m->weight + m->embeddings + window[r + i] * line,
				   line * sizeof(float));
}

/* Returns the sum of the losses of all rows of some windows. */
static double
forward(Model *m, const Dataset *data, const size_t *windows, int count,
		int length)
{
	int n_in = m->context * m->embedding;
	int rows = count * length;
	double loss = 0;

	for (int i = 0; i < count; i++)
		embed_window(m, data->text + windows[i], length,
					 m->input + (size_t) i * (size_t) (length * n_in));
	affine(m->activation, m->input, m->weight + m->hidden_w,
		   m->weight + m->hidden_b, rows, n_in, m->hidden);
	for (int i = 0; i < rows * m->hidden; i++)
		m->activation[i] = tanhf(m->activation[i]);
	affine(m->probability, m->activation, m->weight + m->output_w,
		   m->weight + m->output_b, rows, m->hidden, m->vocabulary);
	for (int r = 0; r < rows; r++)
		loss += softmax_loss(m->probability + r * m->vocabulary, m->vocabulary,
							 data->text[windows[r / length] +
										(size_t) (m->context + r % length)]);
	return loss;
}

/* Adds the gradient of the sum of the losses; forward() has just been run. */
static void
backward(Model *m, const Dataset *data, const size_t *windows, int count,
		 int length)
{
	int n_in = m->context * m->embedding;
	int rows = count * length;
	const float *d_input = m->d_input;

	for (int r = 0; r < rows; r++)
		m->probability[r * m->vocabulary +
					   data->text[windows[r / length] +
								  (size_t) (m->context + r % length)]] -= 1;
	affine_backward(m->d_activation, m->gradient + m->output_w,
					m->gradient + m->output_b, m->probability, m->activation,
					m->weight + m->output_w, rows, m->hidden, m->vocabulary);
	for (int i = 0; i < rows * m->hidden; i++)
		m->d_activation[i] *= 1 - m->activation[i] * m->activation[i];
	affine_backward(m->d_input, m->gradient + m->hidden_w,
					m->gradient + m->hidden_b, m->d_activation, m->input,
					m->weight + m->hidden_w, rows, n_in, m->hidden);
	for (int r = 0; r < rows; r++)
		for (int i = 0; i < m->context; i++)
		{
			size_t place = windows[r / length] + (size_t) (r % length + i);
			float *line = m->gradient + m->embeddings +
						  (size_t) data->text[place] * (size_t) m->embedding;

			for (int j = 0; j < m->embedding; j++)
				line[j] += *d_input++;
		}
}

/* ----------------------------------------------------------------
 *		training
 * ----------------------------------------------------------------
 */

static double
now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

static long
divide_up(long a, long b)
{
	return a / b + (a % b != 0);
}

/*
 * As many steps as the Hugging Face trainer takes: micro-batches and updates
 * round up in each epoch, and a fraction of an epoch rounds up once.
 */
static long
count_steps(const Settings *s, const Dataset *data)
{
	long batches = divide_up(data->train_count, (long) s->batch_size);
	long updates = divide_up(batches, (long) s->accumulation);

	if (s->max_steps > 0)
		return (long) s->max_steps;
	return (long) ceil(s->epochs * (double) updates);
}

/* Linear warm-up, then half a cosine down to 0. */
static double
scheduled_rate(const Run *run)
{
	double total = (double) run->total_steps;
	double warmup = ceil(run->settings.warmup_ratio * total);
	double done = (double) run->step;

	if (done < warmup)
		return run->settings.learning_rate * (done + 1) / warmup;
	return run->settings.learning_rate * 0.5 *
		   (1 + cos(acos(-1) * (done - warmup) / (total - warmup)));
}

/* Makes the gradient a mean over rows, and clips it; returns its norm. */
static double
finish_gradient(Model *m, long rows, double max_norm)
{
	double sum = 0;
	double norm;
	double scale;

	for (size_t i = 0; i < m->size; i++)
		sum += (double) m->gradient[i] * (double) m->gradient[i];
	norm = sqrt(sum) / (double) rows;
	scale = 1 / (double) rows;
	if (max_norm > 0 && norm > max_norm)
		scale *= max_norm / norm;
	for (size_t i = 0; i < m->size; i++)
		m->gradient[i] *= (float) scale;
	return norm;
}

/* AdamW: the decay acts on the weights themselves, not through the moments. */
static void
update_weights(Model *m, double rate, double decay, long step)
{
	double correction1 = 1 - pow(ADAM_BETA1, (double) step);
	double correction2 = 1 - pow(ADAM_BETA2, (double) step);
	float kept = (float) (1 - rate * decay);
	float move = (float) (rate / correction1);
	float scale = (float) (1 / correction2);

	for (size_t i = 0; i < m->size; i++)
	{
		float g = m->gradient[i];

		m->moment1[i] += (float) (1 - ADAM_BETA1) * (g - m->moment1[i]);
		m->moment2[i] += (float) (1 - ADAM_BETA2) * (g * g - m->moment2[i]);
		m->weight[i] = m->weight[i] * kept - move * m->moment1[i] /
												 (sqrtf(m->moment2[i] * scale) +
												  (float) ADAM_EPSILON);
		m->gradient[i] = 0;
	}
}

static double
evaluate(Run *run)
{
	const Dataset *data = &run->data;
	int length = (int) run->settings.max_length;
	int batch = (int) run->settings.batch_size;
	double loss = 0;

	for (int i = 0; i < data->validation_count; i += batch)
	{
		int count = data->validation_count - i < batch
						? data->validation_count - i
						: batch;

		loss += forward(&run->model, data, data->validation + i, count, length);
	}
	return loss / ((double) data->validation_count * length);
}

static void
begin_interval(Interval *interval)
{
	memset(interval, 0, sizeof(*interval));
	interval->since = now_seconds();
}

static bool
due(long step, double every)
{
	return every > 0 && step % (long) every == 0;
}

/* A NaN is reported like any other loss before the job fails of it. */
static void
report_step(Run *run)
{
	const Settings *s = &run->settings;
	double loss = run->interval.loss / (double) run->interval.rows;

	last_step = run->step;
	if (due(run->step, s->logging_steps) ||
		(run->step == 1 && s->logging_first_step) || !isfinite(loss))
	{
		report_training(run, now_seconds());
		begin_interval(&run->interval);
	}
	if (!isfinite(loss))
		fail("non_finite_loss",
			 "loss is %s at step %ld with learning_rate %g: training diverged",
			 isnan(loss) ? "NaN" : "infinite", run->step, s->learning_rate);
	if (due(run->step, s->eval_steps))
	{
		double began = now_seconds();

		report_evaluation(run, evaluate(run));
		run->interval.since += now_seconds() - began;
	}
}

/* One step: "count" windows in micro-batches, then one update. */
static void
train_step(Run *run, const size_t *windows, int count)
{
	const Settings *s = &run->settings;
	int length = (int) s->max_length;
	int batch = (int) s->batch_size;
	long rows = (long) count * length;

	for (int i = 0; i < count; i += batch)
	{
		int size = count - i < batch ? count - i : batch;

		run->interval.loss +=
			forward(&run->model, &run->data, windows + i, size, length);
		backward(&run->model, &run->data, windows + i, size, length);
	}
	run->interval.rows += rows;
	run->interval.windows += count;
	run->learning_rate = scheduled_rate(run);
	run->grad_norm = finish_gradient(&run->model, rows, s->max_grad_norm);
	run->step++;
	update_weights(&run->model, run->learning_rate, s->weight_decay, run->step);
}

static void
train_epoch(Run *run, int finished_epochs)
{
	Dataset *data = &run->data;
	int per_step =
		(int) (run->settings.batch_size * run->settings.accumulation);

	shuffle(data->train, data->train_count, &run->random);
	for (int i = 0; i < data->train_count && run->step < run->total_steps;
		 i += per_step)
	{
		int left = data->train_count - i;
		int count = left < per_step ? left : per_step;

		if (interrupted)
		{
			report_alert("job_cancelled", NULL, NULL);
			exit(130);
		}
		train_step(run, data->train + i, count);
		run->epoch = finished_epochs + (double) (i + count) / data->train_count;
		report_step(run);
	}
}

static void
train(Run *run, const char *path)
{
	report_alert("job_started", NULL, NULL);
	run->settings = read_settings();
	load_dataset(path, &run->settings, &run->data);
	report_samples(path, &run->data);

	run->random = (uint64_t) run->settings.seed;
	create_model(&run->model, &run->settings, run->data.vocabulary,
				 &run->random);
	printf("%zu weights, %d characters: a loss of %.4f before training; a table"
		   " of pairs of characters would reach %.4f\n",
		   run->model.size, run->data.vocabulary, log(run->data.vocabulary),
		   bigram_loss(&run->data, &run->settings));
	fflush(stdout);
	run->total_steps = count_steps(&run->settings, &run->data);
	begin_interval(&run->interval);
	for (int epoch = 0; run->step < run->total_steps; epoch++)
		train_epoch(run, epoch);
	report_alert("job_completed", NULL, NULL);
}

static void
interrupt(int signal_number)
{
	(void) signal_number;
	interrupted = 1;
}

int
main(int argc, char **argv)
{
	static Run run;

	if (argc != 2)
	{
		fprintf(stderr, "usage: train JOB_ID\n");
		return 2;
	}
	job_id = argv[1];
	signal(SIGINT, interrupt);
	signal(SIGTERM, interrupt);

	connection = PQconnectdb("fallback_application_name=train");
	if (PQstatus(connection) != CONNECTION_OK)
	{
		fprintf(stderr, "train: %s", PQerrorMessage(connection));
		return 1;
	}
	train(&run, read_job());
	PQfinish(connection);
	return 0;
}
