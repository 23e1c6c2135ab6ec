import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Finds RabbitMQ's own start script: `RABBITMQ_SERVER`, or that of Debian's package, the newest. */
export function findRabbitMq(): string | undefined {
  const folder = "/usr/lib/rabbitmq/lib";
  const debian = foldersIn(folder).map((name) => join(folder, name, "sbin/rabbitmq-server"));
  return firstRunnable([process.env.RABBITMQ_SERVER, ...debian]);
}

/** Finds Redis, or Valkey in its place: `REDIS_SERVER`, or on the path. */
export function findRedis(): string | undefined {
  return firstRunnable([process.env.REDIS_SERVER, ...["redis-server", "valkey-server"].flatMap(onPath)]);
}

/** Gives where a program would be in each folder of the path. */
export function onPath(name: string): string[] {
  return (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name));
}

/** Gives the first of these files that is there and may be run. */
export function firstRunnable(files: readonly (string | undefined)[]): string | undefined {
  return files.find((file) => file && isRunnable(file));
}

function isRunnable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Gives the names in a folder, the newest version first; none when it is not there. */
export function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  } catch {
    return [];
  }
}
