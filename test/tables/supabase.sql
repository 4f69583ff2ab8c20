-- Supabase: a fine-tuning application's migrations as they are written by hand
-- for "supabase migration new" (two files, CLI 2.x), ids by gen_random_uuid(),
-- row-level security by auth.uid(), an updated_at trigger, words in a CHECK.
-- Before them a stub of what every Supabase project has already.

-- the stub: roles, schema auth, and rights on what will be made in public
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
CREATE ROLE service_role NOLOGIN BYPASSRLS;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;

-- 20250301090000_fine_tuning.sql
create table public.training_datasets (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  name text not null,
  storage_path text not null,
  sample_count integer,
  format text not null default 'jsonl' check (format in ('jsonl', 'csv', 'parquet')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.training_jobs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  dataset_id uuid references public.training_datasets (id) on delete set null,
  model_name text not null,
  status text not null default 'queued'
    check (status in ('queued', 'running', 'succeeded', 'failed', 'canceled')),
  config jsonb not null default '{}'::jsonb,
  error_message text,
  progress integer not null default 0 check (progress >= 0 and progress <= 100),
  started_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.training_metrics (
  id bigint generated always as identity primary key,
  job_id uuid not null references public.training_jobs (id) on delete cascade,
  step integer not null,
  epoch real,
  train_loss real,
  eval_loss real,
  learning_rate double precision,
  created_at timestamptz not null default now()
);

create index on public.training_jobs (user_id, created_at desc);
create index on public.training_metrics (job_id, step);

create function public.handle_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at = now();
  return new;
end;
$$;

create trigger on_training_datasets_updated before update on public.training_datasets
  for each row execute function public.handle_updated_at();
create trigger on_training_jobs_updated before update on public.training_jobs
  for each row execute function public.handle_updated_at();

alter table public.training_datasets enable row level security;
alter table public.training_jobs enable row level security;
alter table public.training_metrics enable row level security;

create policy "Users manage their own datasets" on public.training_datasets
  for all to authenticated using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy "Users can view their own jobs" on public.training_jobs
  for select to authenticated using ((select auth.uid()) = user_id);
create policy "Users can create their own jobs" on public.training_jobs
  for insert to authenticated with check ((select auth.uid()) = user_id);
create policy "Users can update their own jobs" on public.training_jobs
  for update to authenticated using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy "Users can view metrics of their own jobs" on public.training_metrics
  for select to authenticated using (
    exists (select 1 from public.training_jobs j where j.id = job_id and j.user_id = (select auth.uid())));

-- 20250512140000_alerts.sql
create table public.training_alerts (
  id uuid primary key default gen_random_uuid(),
  job_id uuid not null references public.training_jobs (id) on delete cascade,
  user_id uuid references auth.users (id) on delete cascade,
  type text not null,
  error_message text,
  read boolean not null default false,
  created_at timestamptz not null default now()
);

alter table public.training_alerts enable row level security;

create policy "Users can view their own alerts" on public.training_alerts
  for select to authenticated using ((select auth.uid()) = user_id);
create policy "Users can mark their own alerts as read" on public.training_alerts
  for update to authenticated using ((select auth.uid()) = user_id);

alter table public.training_jobs
  add column total_samples integer,
  add column total_steps integer not null default 0,
  add column current_step integer not null default 0,
  add column loss real,
  add column eval_loss real;
