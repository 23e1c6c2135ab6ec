import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BrokerProcess, brokerFolder, freePorts } from "../../example/shared/broker-process.js";

/**
 * Starts an ActiveMQ of the specs' own. It knows no logins, and keeps what is sent as `persistent:true`.
 *
 * @param jar `activemq.jar`
 */
export async function startActiveMq(jar: string): Promise<BrokerProcess> {
  const folder = brokerFolder("activemq");
  const [port] = (await freePorts(1)) as [number];
  const conf = join(folder, "conf");
  mkdirSync(conf);
  writeFileSync(
    join(conf, "activemq.xml"),
    `<beans xmlns="http://www.springframework.org/schema/beans"
       xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
       xsi:schemaLocation="http://www.springframework.org/schema/beans
         http://www.springframework.org/schema/beans/spring-beans.xsd
         http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
      <broker xmlns="http://activemq.apache.org/schema/core" brokerName="spec${port}" useJmx="false">
        <persistenceAdapter><kahaDB directory="${join(folder, "kahadb")}"/></persistenceAdapter>
        <transportConnectors>
          <transportConnector name="stomp" uri="stomp://127.0.0.1:${port}"/>
        </transportConnectors>
      </broker>
    </beans>`,
  );
  const home = dirname(dirname(jar));
  const properties = Object.entries({ home, base: folder, conf, data: join(folder, "data") });
  const quick = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
  return BrokerProcess.start({
    name: "ActiveMQ",
    port,
    folder,
    commands: [
      {
        command: [
          "java",
          ...quick,
          ...properties.map(([name, value]) => `-Dactivemq.${name}=${value}`),
          "-jar",
          jar,
          "start",
          `xbean:file:${join(conf, "activemq.xml")}`,
        ],
      },
    ],
  });
}
