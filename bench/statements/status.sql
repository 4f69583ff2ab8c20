-- A change of a job's status: what NOTIFY tells of.
\set job random(0, :own - 1)
UPDATE local_training_jobs
SET status = CASE status WHEN 'running' THEN 'paused' ELSE 'running' END
WHERE id = lpad(:job::text, 32, '0')::uuid;
