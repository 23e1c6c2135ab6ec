// Two servers on one database and one RabbitMQ, and a balancer in front. What is not given is found, or installed.
import { closeAtSignal } from "../shared/close-at-signal.js";
import { installPackages } from "../shared/install-packages.js";
import { findRabbitMq } from "../shared/programs.js";
import { startRabbitMq } from "../shared/rabbitmq.js";
import { startPortfolioServers } from "./portfolio-servers.js";

const { PORT = "8080", DATABASE_URL = "data/portfolio.db", SERVERS = "2", BROKER_URL } = process.env;

const broker = BROKER_URL === undefined ? await ownRabbitMq() : undefined;
const servers = await startPortfolioServers({
  count: Number(SERVERS),
  brokerUrl: BROKER_URL ?? `stomp://guest:guest@127.0.0.1:${broker?.port}`,
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

async function ownRabbitMq() {
  if (!findRabbitMq()) installPackages(["rabbitmq-server"]);
  const program = findRabbitMq();
  if (!program) {
    console.error(
      "RabbitMQ is missing. Install it, or name a broker: BROKER_URL=stomp://login:passcode@host:61613",
    );
    process.exit(1);
  }
  console.log("Starting RabbitMQ …");
  return (await startRabbitMq(program)).broker;
}
