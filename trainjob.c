/*
 * trainjob.c
 *	  The library's magic and its table of contents.
 *
 *	  job_fill.c		a job's row completes itself
 *	  metric_fill.c		a report completes itself
 *	  metric_rollup.c	reports go up to their job
 *	  alert.c			alerts change a job's status
 *	  report.c			writing with a job's token
 *	  overview.c		what the views need
 *	  job_explain.c		the sum of the steps in words
 *	  lttb.c			curves made small
 *	  drop_guard.c		DROP EXTENSION says what to do
 *
 * These are the parts.  They never call each other but meet in the tables:
 * the UPDATE of a job that metric_rollup.c or alert.c makes fires job_fill.c.
 * doc/architecture.md has what they stand on.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "jobs/status_change.h"
#include "pg/compat.h"
#include "reading/views.h"
#include "steps/steps.h"
#include "tables/direct_find.h"
#include "tables/meet.h"
#include "tables/set.h"
#include "token/report.h"

PG_MODULE_MAGIC_EXT(.name = "trainjob", .version = TRAINJOB_VERSION);

void _PG_init(void);

void
_PG_init(void)
{
	trainjob_set_init();
	trainjob_direct_init();
	trainjob_meet_init();
	trainjob_config_init();
	trainjob_steps_init();
	trainjob_status_change_init();
	trainjob_report_init();
	trainjob_views_init();
	MarkGUCPrefixReserved("trainjob");
}
