/*
 * dataset_meeting.h
 *	  How datasets and the jobs that wait for them meet.
 */
#ifndef TRAINJOB_JOBS_DATASET_MEETING_H
#define TRAINJOB_JOBS_DATASET_MEETING_H

#include "tables/columns.h"
#include "tables/meet.h"
#include "tables/value_write.h"

/* How many numbers of samples a job and a dataset have. */
#define SAMPLE_COUNTS 3

/* Those of a job, and those of a dataset that they come from. */
extern const JobColumn trainjob_job_counts[SAMPLE_COUNTS];
extern const DatasetColumn trainjob_dataset_counts[SAMPLE_COUNTS];

/*
 * How datasets and the jobs that wait for them meet (meet.c).  The columns are
 * those of the set's tables.
 */
typedef struct DatasetMeeting
{
	MeetTable datasets; /* by their path */
	MeetTable jobs;		/* by the dataset's path, those that lack a count */
	Column dataset_path;
	Column dataset_user;
	Column dataset_count[SAMPLE_COUNTS];
	Column job_path;
	Column job_user;
	bool users_compare; /* byte for byte */
	Column job_status;
	Column open[SAMPLE_COUNTS]; /* NULL, one of them, in a job that waits */
	int open_count;
} DatasetMeeting;

/* Whose dataset or job meets another's; for the two functions below. */
typedef struct MeetingUser
{
	const DatasetMeeting *meeting;
	Datum user;
	bool user_null;
} MeetingUser;

/* Finds what meetings take; the columns of datasets are for others, too. */
extern void trainjob_plan_dataset_meeting(TrainjobSet *set, Relation datasets,
										  Relation jobs,
										  DatasetMeeting *meeting);

/* A MeetFilter: a dataset that a job of the user may take its counts from. */
extern bool trainjob_is_dataset_for_job(TupleTableSlot *row, void *arg);

/* Whether a job waits for a dataset, as far as its row tells. */
extern bool trainjob_is_waiting_job(const DatasetMeeting *meeting,
									TupleTableSlot *row);

/* A MeetFilter: a job that waits for a dataset of the user, or of nobody. */
extern bool trainjob_is_job_for_dataset(TupleTableSlot *row, void *arg);

/* Whether jobs and datasets of transactions under way can be found at all. */
extern bool trainjob_datasets_can_meet(DatasetMeeting *meeting);

/* Locks a dataset's path, see trainjob_lock_name(). */
extern void trainjob_lock_dataset_path(Oid datasets, const char *path,
									   LOCKMODE mode);

#endif /* TRAINJOB_JOBS_DATASET_MEETING_H */
