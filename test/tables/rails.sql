-- Rails: "pg_dump -s --no-owner --no-privileges", which is what db/structure.sql has,
-- after two migrations by ActiveRecord 6.1.7.10 (Debian's ruby-activerecord, PostgreSQL
-- 15) made users, datasets, training_jobs and training_metrics: t.references ...,
-- foreign_key: true, t.string :status, default: "queued", t.json :config,
-- t.text :metadata with serialize :metadata, JSON, t.integer ..., null: false,
-- default: 0, t.datetime, t.timestamps, lock_version.
-- Comments, settings, and \restrict of the dump are left out.

CREATE TABLE public.ar_internal_metadata (
    key character varying NOT NULL,
    value character varying,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);

CREATE TABLE public.datasets (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    name character varying DEFAULT ''::character varying NOT NULL,
    file_key character varying,
    sample_count integer DEFAULT 0 NOT NULL,
    train_samples integer,
    val_samples integer,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);

CREATE SEQUENCE public.datasets_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.datasets_id_seq OWNED BY public.datasets.id;

CREATE TABLE public.schema_migrations (
    version character varying NOT NULL
);

CREATE TABLE public.training_jobs (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    dataset_id bigint,
    base_model character varying DEFAULT ''::character varying NOT NULL,
    status character varying DEFAULT 'queued'::character varying NOT NULL,
    config json DEFAULT '{}'::json NOT NULL,
    metadata text,
    error text,
    total_steps integer DEFAULT 0 NOT NULL,
    current_step integer DEFAULT 0 NOT NULL,
    progress numeric(5,2) DEFAULT 0.0 NOT NULL,
    started_at timestamp without time zone,
    completed_at timestamp without time zone,
    lock_version integer DEFAULT 0 NOT NULL,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL,
    loss double precision,
    eval_loss double precision
);

CREATE SEQUENCE public.training_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.training_jobs_id_seq OWNED BY public.training_jobs.id;

CREATE TABLE public.training_metrics (
    id bigint NOT NULL,
    training_job_id bigint NOT NULL,
    step integer NOT NULL,
    epoch double precision,
    train_loss double precision,
    eval_loss double precision,
    learning_rate numeric(12,10),
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);

CREATE SEQUENCE public.training_metrics_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.training_metrics_id_seq OWNED BY public.training_metrics.id;

CREATE TABLE public.users (
    id bigint NOT NULL,
    email character varying NOT NULL,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);

CREATE SEQUENCE public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;

ALTER TABLE ONLY public.datasets ALTER COLUMN id SET DEFAULT nextval('public.datasets_id_seq'::regclass);

ALTER TABLE ONLY public.training_jobs ALTER COLUMN id SET DEFAULT nextval('public.training_jobs_id_seq'::regclass);

ALTER TABLE ONLY public.training_metrics ALTER COLUMN id SET DEFAULT nextval('public.training_metrics_id_seq'::regclass);

ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);

ALTER TABLE ONLY public.ar_internal_metadata
    ADD CONSTRAINT ar_internal_metadata_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT datasets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.training_jobs
    ADD CONSTRAINT training_jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.training_metrics
    ADD CONSTRAINT training_metrics_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX index_datasets_on_user_id ON public.datasets USING btree (user_id);

CREATE INDEX index_training_jobs_on_dataset_id ON public.training_jobs USING btree (dataset_id);

CREATE INDEX index_training_jobs_on_user_id ON public.training_jobs USING btree (user_id);

CREATE INDEX index_training_jobs_on_user_id_and_created_at ON public.training_jobs USING btree (user_id, created_at);

CREATE INDEX index_training_metrics_on_training_job_id ON public.training_metrics USING btree (training_job_id);

CREATE INDEX index_training_metrics_on_training_job_id_and_step ON public.training_metrics USING btree (training_job_id, step);

ALTER TABLE ONLY public.training_jobs
    ADD CONSTRAINT fk_rails_0c7934c419 FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT fk_rails_3e18e44f19 FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.training_metrics
    ADD CONSTRAINT fk_rails_67a358f4c8 FOREIGN KEY (training_job_id) REFERENCES public.training_jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.training_jobs
    ADD CONSTRAINT fk_rails_cacbd0155d FOREIGN KEY (dataset_id) REFERENCES public.datasets(id);
