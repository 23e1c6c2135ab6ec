import { existsSync, readFileSync } from "node:fs";
import { installPackages } from "../../example/shared/install-packages.js";
import { findRabbitMq, findRedis } from "../../example/shared/programs.js";
import {
  findActiveMq,
  findCaddy,
  findChromium,
  findHaProxy,
  findNats,
  findNginx,
  findPerl,
  findPostgres,
  findPython,
  findRuby,
  HEADLESS_SHELL,
  hasLightChromium,
} from "./programs.js";

/**
 * Run before the specs: installs the programs they drive, where they are missing
 * and apt-get may be used without asking anybody. Specs tell about what is missing still.
 */
if (!hasLightChromium() && isDebian()) installPackages([HEADLESS_SHELL]);

const programs: readonly [packageName: string, found: string | undefined][] = [
  ["chromium", findChromium()],
  ["postgresql", findPostgres()],
  ["rabbitmq-server", findRabbitMq()],
  ["activemq", findActiveMq()],
  ["redis-server", findRedis()],
  ["nats-server", findNats()],
  ["nginx", findNginx()],
  ["caddy", findCaddy()],
  ["haproxy", findHaProxy()],
  ["python3-stomp", findPython()],
  ["ruby-stomp", findRuby()],
  ["libnet-stomp-perl", findPerl()],
];
const wanted = programs.filter(([, found]) => found === undefined).map(([packageName]) => packageName);

if (wanted.length > 0 && !installPackages(wanted)) {
  console.log(
    `${wanted.join(" and ")} missing, and no apt-get to install with. The specs that need them skip.`,
  );
}

/** Others have no package of the shell; asking for it takes apt-get some seconds of each run. */
function isDebian(): boolean {
  return existsSync("/etc/os-release") && /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
}
