\set n :n + 1
\set blocks :own / :jobs
\set job :client_id * :own + (:n % :blocks) * :jobs
\set step :base + (:n / :blocks) * (:rows / :jobs)
\set loss random(10000, 30000) / 10000.0
\set norm random(1000, 9000) / 10000.0
