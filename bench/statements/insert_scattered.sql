-- Reports of the same 1,000 jobs in one statement, in another order each time.
\set n :n + 1
\set step :base + :n * 8 + :client_id
\set turn random(0, 999)
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss)
SELECT lpad(((g * 7 + :turn::int) % 1000)::text, 32, '0')::uuid, :step::bigint,
	:step::bigint * 0.000000001::float8, 2 + g * 0.0001::float8
FROM generate_series(0, 999) AS g;
