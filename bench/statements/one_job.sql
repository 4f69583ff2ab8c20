\set job random(0, :jobs - 1)
SELECT * FROM job_overview WHERE id = lpad(:job::text, 32, '0')::uuid;
