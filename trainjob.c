/*
 * trainjob.c
 *	  The library's magic, and what its parts do when it is loaded.
 *
 * The parts lie under src/, a folder a subject; doc/architecture.md is the map.
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
