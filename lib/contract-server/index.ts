export { type Mistake, type TypedServer, type TypedServerOptions, typedServer } from "./typed-server.js";
