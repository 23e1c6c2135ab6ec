/** The counts of a broker since its start. */
export class BrokerCounts {
  publications = 0;
  conflated = 0;
  deliveries = 0;
  acknowledged = 0;
  refused = 0;
}
