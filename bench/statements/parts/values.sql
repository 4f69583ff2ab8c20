	lpad(:job, 32, '0')::uuid, :step, :epoch, :loss, :rate, :norm,
	:samples, :tokens, :memory, :gpu
