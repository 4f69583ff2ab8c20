	lpad((:job::int + g % :jobs::int)::text, 32, '0')::uuid,
	:step::bigint + g / :jobs::int,
	(:step::bigint + g / :jobs::int) * 0.000000001::float8,
	:loss::float8 + g * 0.0001::float8, :rate::float8, :norm::float8,
	:samples::float8, :tokens::float8, :memory::float8, :gpu::float8
