\set user random(0, 99)
SELECT * FROM job_overview WHERE user_id = lpad(:user::text, 32, '0')::uuid
ORDER BY created_at DESC LIMIT 50;
