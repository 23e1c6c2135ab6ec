import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "chai";
import { ClientHost } from "../support/client-host.js";
import { findPerl, findPython, findRuby, missing } from "../support/programs.js";

const run = promisify(execFile);

/**
 * A program in a client's own language: it subscribes to `/topic/a` and acknowledges by itself, sends `grüße` there with a
 * receipt, waits for both, prints the message, and leaves with DISCONNECT.
 */
interface Program {
  readonly client: string;
  /** Debian's package of it. */
  readonly packageName?: string;
  find(): string | undefined;
  arguments(port: number): readonly string[];
}

const PYTHON = `
import sys, threading, stomp
heard, receipt = threading.Event(), threading.Event()
class Listener(stomp.ConnectionListener):
    def on_message(self, frame):
        print(frame.body)
        connection.ack(frame.headers["ack"], receipt="acknowledged")
        heard.set()
    def on_receipt(self, frame):
        if frame.headers["receipt-id"] == "acknowledged": receipt.set()
connection = stomp.Connection12([("127.0.0.1", int(sys.argv[1]))], heartbeats=(10000, 10000))
connection.set_listener("", Listener())
connection.connect("sensor", "secret", wait=True)
connection.subscribe("/topic/a", id="1", ack="client-individual")
connection.send("/topic/a", "grüße", content_type="text/plain")
assert heard.wait(15) and receipt.wait(15)
connection.disconnect()
`;

const RUBY = `
require "stomp"
client = Stomp::Connection.new(hosts: [{ host: "127.0.0.1", port: ARGV[0].to_i, login: "sensor", passcode: "secret" }],
  reliable: false, connect_headers: { "accept-version" => "1.2", "host" => "spec", "heart-beat" => "10000,10000" })
client.subscribe("/topic/a", { "id" => "1", "ack" => "client-individual" }, "1")
client.publish("/topic/a", "grüße", { "content-type" => "text/plain" })
message = client.receive
puts message.body
client.ack(message.headers["ack"])
client.disconnect("receipt" => "bye")
`;

const PERL = `
use Net::Stomp;
my $client = Net::Stomp->new({ hostname => "127.0.0.1", port => $ARGV[0] });
my $answer = $client->connect({ login => "sensor", passcode => "secret" });
die $answer->as_string unless $answer->command eq "CONNECTED";
$client->subscribe({ destination => "/topic/a", id => "1", ack => "client" });
die "no RECEIPT" unless $client->send_with_receipt({ destination => "/topic/b", body => "first" });
$client->send({ destination => "/topic/a", body => "grüße" });
my $frame = $client->receive_frame;
print $frame->body, "\\n";
$client->ack({ frame => $frame });
$client->disconnect;
`;

const STOMPIT = `
const stompit = require("stompit");
stompit.connect({ host: "127.0.0.1", port: Number(process.argv[1]), connectHeaders: { host: "spec", login: "sensor", passcode: "secret", "heart-beat": "10000,10000" } }, (error, client) => {
  if (error) throw error;
  client.subscribe({ destination: "/topic/a", ack: "client-individual" }, (error, message) => {
    if (error) throw error;
    message.readString("utf8", (error, body) => {
      if (error) throw error;
      console.log(body);
      client.ack(message);
      client.disconnect();
    });
  });
  client.send({ destination: "/topic/a", "content-type": "text/plain" }).end("grüße");
});
`;

const PROGRAMS: readonly Program[] = [
  {
    client: "stomp.py",
    packageName: "python3-stomp",
    find: findPython,
    arguments: (port) => ["-c", PYTHON, `${port}`],
  },
  {
    client: "Ruby's stomp",
    packageName: "ruby-stomp",
    find: findRuby,
    arguments: (port) => ["-e", RUBY, `${port}`],
  },
  {
    client: "Perl's Net::Stomp",
    packageName: "libnet-stomp-perl",
    find: findPerl,
    arguments: (port) => ["-e", PERL, `${port}`],
  },
  { client: "stompit", find: () => process.execPath, arguments: (port) => ["-e", STOMPIT, `${port}`] },
];

describe("Clients of other languages, over TCP", () => {
  const host = new ClientHost();

  before(() => host.listen());
  after(() => host.close());

  for (const { client, packageName = client, find, arguments: argumentsFor } of PROGRAMS) {
    it(`${client} connects, subscribes, sends, hears, acknowledges and leaves`, async function () {
      const program = find() ?? missing(this, packageName);
      const { address } = await host.server.messaging.listen({ port: 0 });
      const ended = host.event("disconnect");
      const errors = host.collect("sessionError");
      const { stdout } = await run(program, argumentsFor(address.port), {
        timeout: 20_000,
        encoding: "utf8",
      });

      expect(stdout).to.equal("grüße\n");
      const { code } = await ended;
      expect(errors.map(({ error }) => error.message)).to.deep.equal([]);
      expect(code).to.equal(1000);
    });
  }
});
