// Two servers on one database and one RabbitMQ, or one Redis, and a balancer in front. What is not given is found, or installed.
import { closeAtSignal } from "../shared/close-at-signal.js";
import { installPackages } from "../shared/install-packages.js";
import { findRabbitMq, findRedis } from "../shared/programs.js";
import { startRabbitMq } from "../shared/rabbitmq.js";
import { startRedis } from "../shared/redis.js";
import { startPortfolioServers } from "./portfolio-servers.js";

const { PORT = "8080", DATABASE_URL = "data/portfolio.db", SERVERS = "2", BROKER_URL } = process.env;

const RABBITMQ = {
  name: "RabbitMQ",
  find: findRabbitMq,
  aptPackage: "rabbitmq-server",
  async start(program: string) {
    const { broker } = await startRabbitMq(program);
    return { url: `stomp://guest:guest@127.0.0.1:${broker.port}`, stop: () => broker.stop() };
  },
};

const REDIS = {
  name: "Redis",
  find: findRedis,
  aptPackage: "redis-server",
  async start(program: string) {
    const redis = await startRedis(program);
    return { url: `redis://127.0.0.1:${redis.port}`, stop: () => redis.stop() };
  },
};

const broker = BROKER_URL === undefined ? await ownBroker(process.argv[2] === "redis") : undefined;
const servers = await startPortfolioServers({
  count: Number(SERVERS),
  brokerUrl: BROKER_URL ?? broker!.url,
  databaseUrl: DATABASE_URL,
  port: Number(PORT),
});
for (const [name, child] of servers.processes) {
  console.log(`${name} runs as process ${child.pid}`);
  child.once("exit", () => console.log(`${name} has ended.`));
}
console.log(`The portfolio is open on all of them: http://localhost:${servers.port}`);

closeAtSignal(async () => {
  await servers.close();
  await broker?.stop();
});

/** Starts a broker for this run, and gives where it is. */
async function ownBroker(isRedis: boolean) {
  const { name, find, aptPackage, start } = isRedis ? REDIS : RABBITMQ;
  if (!find()) installPackages([aptPackage]);
  const program = find();
  if (!program) {
    console.error(
      `${name} is missing. Install it, or name one: BROKER_URL=stomp://login:passcode@host:61613 or redis://host:6379`,
    );
    process.exit(1);
  }
  console.log(`Starting ${name} …`);
  return start(program);
}
