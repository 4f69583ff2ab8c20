-- A page of jobs, those that run first, drawn again every two seconds until Ctrl-C:
--
--     psql -f examples/psql.sql
--     psql -v jobs=50 -v seconds=10 -f examples/psql.sql
\set QUIET on
\if :{?jobs} \else \set jobs 20 \endif
\if :{?seconds} \else \set seconds 2 \endif
\pset footer off
\pset null ''

WITH page AS (
	SELECT *, row_number() OVER () AS place
	FROM (
		SELECT *
		FROM job_overview
		ORDER BY status = 'running' DESC, last_metric_at DESC NULLS LAST, created_at DESC
		LIMIT :jobs) AS newest
)
SELECT p.model_name AS model, p.status, NULLIF(p.health, 'ended') AS health, p.progress_text AS done,
	p.eta_text AS eta, p.loss_text AS loss, c.loss_curve, p.eval_loss_text AS eval_loss,
	COALESCE(p.error, p.note) AS remark
FROM page AS p
LEFT JOIN trainjob.loss_curve(ARRAY(SELECT id FROM page)) AS c ON c.job_id = p.id
ORDER BY p.place
\watch :seconds
