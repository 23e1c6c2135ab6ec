// A thread that publishes what it is told to, and tells what it has heard.
import { parentPort, workerData } from "node:worker_threads";
import { clusterBackplane } from "express-stomp/cluster";
import { Heard } from "./heard.js";

const { count, own } = workerData as { count: number; own: readonly string[] };
const backplane = clusterBackplane({ name: "threads" });
const heard = await Heard.on(backplane);
async function publish(): Promise<void> {
  await Promise.all(own.map((text) => backplane.publish(Buffer.from(text))));
  await heard.count(count);
  parentPort?.postMessage({ heard: heard.texts });
  await backplane.close();
}

parentPort?.on("message", (message) => {
  if (message === "go") void publish();
});
parentPort?.postMessage("ready");
