-- A new job; :path is the path of its dataset, or none.
INSERT INTO local_training_jobs (user_id, model_name, dataset_path, config)
VALUES (lpad(:client_id, 32, '0')::uuid, 'llama', NULLIF(:path, 'none'), :config);
