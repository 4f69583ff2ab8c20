-- One report of a job that eight clients share: steps come nearly in order.
@shared_job
INSERT INTO local_training_metrics (
@columns
) VALUES (
@values
);
