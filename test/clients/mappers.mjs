// Knex, Sequelize, TypeORM, Drizzle and Prisma: what they do to a job that trainjob keeps true.
import "reflect-metadata";
import { execFileSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import { PrismaPg } from "@prisma/adapter-pg";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { bigint, doublePrecision, jsonb, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import knex from "knex";
import pg from "pg";
import { DataTypes, Sequelize } from "sequelize";
import { DataSource, EntitySchema } from "typeorm";

const connection = { host: process.env.PGHOST, user: process.env.PGUSER, database: process.env.PGDATABASE };
const pool = new pg.Pool(connection);
const sql = async (statement, ...values) => (await pool.query(statement, values)).rows[0];

let number = 0;
let failed = 0;

function check(description, got, expected) {
  const same = JSON.stringify(got) === JSON.stringify(expected);

  failed += same ? 0 : 1;
  console.log(`${same ? "ok" : "not ok"} ${++number} - ${description}`
    + (same ? "" : `: got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`));
}

async function report(job, ...steps) {
  for (const step of steps) {
    await sql("INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss) VALUES ($1, $2, $3, $4)",
      job, step, 10 / step, step % 20 === 0 ? 30 / step : null);
  }
}

async function newJob() {
  const job = crypto.randomUUID();

  await sql("INSERT INTO local_training_jobs (id, model_name, total_samples, config) VALUES ($1, 'model', 1650, '{\"num_epochs\": 3}')", job);
  await report(job, 10);
  return job;
}

const alert = (job, type) =>
  sql("INSERT INTO alert_event (job_id, type, error_message) VALUES ($1, $2, 'out of memory')", job, type);

const shown = async (job) => Object.values(await sql(
  "SELECT model_name, status, current_step::integer, round(progress), eval_loss, error FROM local_training_jobs WHERE id = $1", job));

// a job, and an entity of it from before its last reports
async function outdated(load) {
  const job = await newJob();
  const entity = await load(job);

  await report(job, 20, 30);
  return [job, entity];
}

// load(job) reads an entity; save(entity, changes) saves it, whole where the mapper does
async function run(name, load, save) {
  let [job, entity] = await outdated(load);

  await save(entity, { model_name: "renamed" });
  check(`${name}: what reports said since stays`, await shown(job), ["renamed", "running", 30, 19, 1.5, null]);

  [job, entity] = await outdated(load);
  await alert(job, "job_completed");
  await save(entity, { model_name: "renamed" });
  check(`${name}: a completed job stays completed`, await shown(job), ["renamed", "completed", 30, 100, 1.5, null]);

  [job, entity] = await outdated(load);
  await save(entity, { status: "cancelled" });
  check(`${name}: a wish counts, and nothing else`, await shown(job), ["model", "cancelled", 30, 19, 1.5, null]);

  job = await newJob();
  await alert(job, "job_failed");
  await save(await load(job), { status: "pending" });
  check(`${name}: a retry is a restart`, await shown(job), ["model", "pending", null, null, null, null]);
  await report(job, 5);
  check(`${name}: which begins anew`, (await shown(job)).slice(0, 3), ["model", "running", 5]);

  job = await newJob();
  await save(await load(job), { config: { num_epochs: 6 } });
  check(`${name}: a fresh save means what it changed`, Object.values(await sql(
    "SELECT total_steps::integer, total_steps_source, current_step::integer FROM local_training_jobs WHERE id = $1", job)), [312, "estimated", 10]);
}

const plain = ["id", "model_name", "status", "error", "config", "total_samples", "total_steps", "current_step", "progress", "loss", "eval_loss"];
const { rows: all } = await pool.query(
  "SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_name = 'local_training_jobs' ORDER BY ordinal_position");
const variants = [["all columns", all], ["an application's columns", all.filter((column) => plain.includes(column.name))]];

const builder = knex({ client: "pg", connection });
const sequelize = new Sequelize({ dialect: "postgres", ...connection, username: connection.user, logging: false });
const sequelizeTypes = { uuid: DataTypes.UUID, bigint: DataTypes.BIGINT, "double precision": DataTypes.DOUBLE, text: DataTypes.TEXT,
  jsonb: DataTypes.JSONB, "timestamp with time zone": DataTypes.DATE };
const drizzleTypes = { uuid, bigint: (name) => bigint(name, { mode: "number" }), "double precision": doublePrecision, text, jsonb,
  "timestamp with time zone": (name) => timestamp(name, { withTimezone: true }) };

const prismaTypes = { uuid: "String? @db.Uuid", bigint: "BigInt?", "double precision": "Float?", text: "String?", jsonb: "Json?",
  "timestamp with time zone": "DateTime? @db.Timestamptz(6)" };

// Prisma generates a client for a schema.  Prisma 7 asks for a newer Node.js
// than Debian has: package.json has 6.
async function prismaClient(name, columns) {
  const fields = columns.map((column) => `${column.name} ${column.name === "id" ? "String @id @db.Uuid" : prismaTypes[column.type]}`);

  fs.mkdirSync(name);
  fs.writeFileSync(`${name}/schema.prisma`, [
    "generator client {", 'provider = "prisma-client-js"', 'engineType = "client"', 'output = "client"', "}",
    "datasource db {", 'provider = "postgresql"', 'url = "postgresql://"', "}",
    "model Job {", ...fields, '@@map("local_training_jobs")', "}"].join("\n"));
  execFileSync("node_modules/.bin/prisma", ["generate", `--schema=${name}/schema.prisma`], { stdio: "pipe" });
  const { PrismaClient } = (await import(`./${name}/client/index.js`)).default;

  return new PrismaClient({ adapter: new PrismaPg(connection) });
}

for (const [variant, columns] of variants) {
  const names = columns.map((column) => column.name);
  const from = (entry) => Object.fromEntries(columns.map((column) => [column.name, entry(column)]));

  await run(`Knex, ${variant}`,
    (job) => builder("local_training_jobs").select(names).where({ id: job }).first(),
    (entity, changes) => builder("local_training_jobs").where({ id: entity.id }).update({ ...entity, ...changes }));

  const model = sequelize.define(`job_${names.length}`, from((column) => ({ type: sequelizeTypes[column.type], primaryKey: column.name === "id" })),
    { tableName: "local_training_jobs", timestamps: false });

  await run(`Sequelize update(), ${variant}`,
    (job) => model.findByPk(job),
    (entity, changes) => model.update({ ...entity.get(), ...changes }, { where: { id: entity.get("id") } }));

  const schema = new EntitySchema({ name: `Job${names.length}`, tableName: "local_training_jobs",
    columns: from((column) => ({ type: column.type, primary: column.name === "id", nullable: true })) });
  const source = await new DataSource({ type: "postgres", ...connection, username: connection.user, entities: [schema] }).initialize();

  await run(`TypeORM save(), ${variant}`,
    (job) => source.getRepository(schema).findOneBy({ id: job }),
    (entity, changes) => source.getRepository(schema).save(Object.assign(entity, changes)));
  await source.destroy();

  const table = pgTable("local_training_jobs", from((column) => drizzleTypes[column.type](column.name)));
  const db = drizzle(pool);

  await run(`Drizzle set(), ${variant}`,
    async (job) => (await db.select().from(table).where(eq(table.id, job)))[0],
    (entity, changes) => db.update(table).set({ ...entity, ...changes }).where(eq(table.id, entity.id)));

  const prisma = await prismaClient(`prisma_${names.length}`, columns);

  await run(`Prisma update(), ${variant}`,
    (job) => prisma.job.findUnique({ where: { id: job } }),
    (entity, changes) => prisma.job.update({ where: { id: entity.id }, data: { ...entity, ...changes } }));
  await prisma.$disconnect();
}

await builder.destroy();
await sequelize.close();
await pool.end();
process.exit(failed > 0 ? 1 : 0);
