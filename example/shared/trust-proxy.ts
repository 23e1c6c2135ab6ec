/**
 * The value of the variable `TRUST_PROXY`, for Express's setting "trust proxy": the proxies' addresses
 * (`loopback`, `10.0.0.0/8, 192.0.2.1`), how many there are, or `true` for whoever comes.
 */
export function trustProxy(variable = ""): boolean | number | string {
  const text = variable.trim();
  if (text === "" || text === "false") return false;
  if (text === "true") return true;
  return /^\d+$/.test(text) ? Number(text) : text;
}
