// What a delivery costs the broker and our servers: with connections of the clients' own, with shared ones, and
// with clients straight on RabbitMQ. `npm run bench:relay`, or `… -- 500` for so many clients. Linux only.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import WebSocket from "ws";
import { findRabbitMq } from "../build/example/shared/programs.js";
import { startRabbitMq } from "../build/example/shared/rabbitmq.js";
import { ServerProcess } from "../build/spec/support/server-process.js";

const CLIENTS = Number(process.argv[2] ?? 1000);
const PUBLICATIONS = 60;
const WARM_UP = 8;
const IN_FLIGHT = 4;
const PAYLOAD = "x".repeat(100);

const { broker, webStompPort } = await startRabbitMq(findRabbitMq(), { webStomp: true });
const [brokerPid] = pids("-g", String(broker.pid), "beam.smp");

for (const connections of ["own", "shared", "straight"]) {
  const isStraight = connections === "straight";
  const relay = { destinationPrefixes: ["/topic"], relayPort: broker.port, connections };
  const servers = isStraight
    ? []
    : await Promise.all([relay, relay].map((options) => ServerProcess.start(options)));
  const serverPids = isStraight ? [] : pids("-P", String(process.pid), "-x", "node|MainThread");
  const ports = isStraight ? [webStompPort] : servers.map(({ port }) => port);

  const clients = [];
  while (clients.length < CLIENTS) {
    const some = Array.from(
      { length: Math.min(20, CLIENTS - clients.length) },
      (_, i) => ports[i % ports.length],
    );
    clients.push(...(await Promise.all(some.map(subscribed))));
  }
  await publish(clients, WARM_UP);
  const before = [cpu([brokerPid]), cpu(serverPids)];
  await publish(clients, PUBLICATIONS);
  const [ofBroker, ofServers] = [cpu([brokerPid]) - before[0], cpu(serverPids) - before[1]].map(
    (milliseconds) => {
      return ((milliseconds * 1000) / (CLIENTS * PUBLICATIONS)).toFixed(2);
    },
  );
  console.log(
    `${connections}: ${ofBroker} µs of the broker, ${ofServers} µs of the servers for each delivery`,
  );

  for (const { socket } of clients) socket.terminate();
  await Promise.all(servers.map((server) => server.kill()));
}
await broker.stop();
process.exit();

/** A client that has subscribed, and counts what it hears. */
async function subscribed(port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, ["v12.stomp"]);
  const client = { socket, count: 0, told: () => {} };
  const answered = (command) =>
    new Promise((resolve) => {
      socket.on("message", (data) => data.toString().startsWith(command) && resolve());
    });
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  const [connected, confirmed] = [answered("CONNECTED"), answered("RECEIPT")];
  socket.send("CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\nheart-beat:0,0\n\n\0");
  await connected;
  socket.send("SUBSCRIBE\nid:0\ndestination:/topic/bench\nreceipt:0\n\n\0");
  await confirmed;
  socket.removeAllListeners("message");
  socket.on("message", (data) => {
    // Several frames may come in one message.
    client.count += data.toString().split("MESSAGE\n").length - 1;
    client.told();
  });
  return client;
}

/** Publishes so many, some at a time, and waits until everybody has heard all. */
async function publish(clients, count) {
  const [publisher] = clients;
  const start = publisher.count;
  for (let sent = 0; sent < count; sent += IN_FLIGHT) {
    for (let i = 0; i < IN_FLIGHT; i++) {
      publisher.socket.send(`SEND\ndestination:/topic/bench\n\n${PAYLOAD}\0`);
    }
    for (const client of clients) {
      while (client.count < start + sent + IN_FLIGHT) {
        await new Promise((resolve) => {
          client.told = resolve;
        });
      }
    }
  }
}

/** Milliseconds of CPU that these have used; the kernel counts in hundredths of a second. */
function cpu(processes) {
  let ticks = 0;
  for (const pid of processes) {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10;
}

function pids(...wanted) {
  return execFileSync("pgrep", wanted).toString().trim().split("\n").map(Number);
}
