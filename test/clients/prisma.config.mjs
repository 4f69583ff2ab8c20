// Prisma's schema commands, by the engine in WASM that comes with them, on the database of the environment.
import { PrismaPg } from "@prisma/adapter-pg";
import { ColumnTypeEnum } from "@prisma/driver-adapter-utils";

// by OID: name passes as text, and "char" as an array of it, which becomes a character below
const standsFor = { 19: 25, 18: 1002 };

// The engine reads columns of these types in the catalogs, and the adapter does not know them.
class Adapter extends PrismaPg {
  async connect() {
    const adapter = await super.connect();
    const performIO = adapter.performIO.bind(adapter);
    const queryRaw = adapter.queryRaw.bind(adapter);

    adapter.performIO = async (query) => {
      const result = await performIO(query);

      for (const field of result.fields ?? []) {
        field.dataTypeID = standsFor[field.dataTypeID] ?? field.dataTypeID;
      }
      return result;
    };
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query);
      const columnTypes = result.columnTypes.map((type) => (type === ColumnTypeEnum.CharacterArray ? ColumnTypeEnum.Character : type));

      return { ...result, columnTypes };
    };
    return adapter;
  }
}

// The engine leaves a timer of a minute behind, for which the command would wait.
const { setTimeout } = globalThis;

globalThis.setTimeout = (callback, delay, ...rest) => {
  const timer = setTimeout(callback, delay, ...rest);

  return delay < 60000 ? timer : timer.unref();
};

export default {
  experimental: { adapter: true },
  engine: "js",
  adapter: async () => new Adapter({ host: process.env.PGHOST, user: process.env.PGUSER, database: process.env.PGDATABASE, allowExitOnIdle: true }),
};
