-- :rows reports of :jobs jobs in one statement.
@own_blocks
INSERT INTO local_training_metrics (
@columns
) SELECT
@rows
FROM generate_series(0, :rows::int - 1) AS g;
