SELECT status, count(*) FROM job_overview GROUP BY status;
