\set n :n + 1
\set job 0
\set step :base + :n * 8 + :client_id
\set epoch :step * 0.000000001
\set loss random(10000, 30000) / 10000.0
\set norm random(1000, 9000) / 10000.0
