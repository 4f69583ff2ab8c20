-- One report. Each client has :own jobs of its own, in turn; steps rise.
@own_jobs
INSERT INTO local_training_metrics (
@columns
) VALUES (
@values
);
