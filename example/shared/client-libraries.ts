import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import express, { Router } from "express";

/** Serves @stomp/stompjs, sockjs-client, valibot and express-stomp/client to browsers, as they were installed. */
export function clientLibraries(): Router {
  const router = Router();
  router.use("/stompjs", express.static(packageFolder("@stomp/stompjs")));
  // The client imports what it needs of the contract beside it.
  router.use("/express-stomp/client", express.static(packageFolder("express-stomp/client")));
  router.use("/express-stomp/contract", express.static(packageFolder("express-stomp/contract")));
  router.use("/valibot", express.static(packageFolder("valibot")));
  router.use("/sockjs-client", express.static(join(packageFolder("sockjs-client/package.json"), "dist")));
  return router;
}

function packageFolder(entry: string): string {
  return dirname(fileURLToPath(import.meta.resolve(entry)));
}
