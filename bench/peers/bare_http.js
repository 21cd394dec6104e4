// A bare call of the API from Node, no MCP: what every npm server here pays at least. Speaks as bare_http.py does.

import { createInterface } from "node:readline";

const origin = `${process.env.ASISSO_BASE_URL}/api/v1`;
const headers = { "X-API-Key": process.env.ASISSO_API_KEY };

async function withFetch(method, path, body) {
  const json = body && { "Content-Type": "application/json" };
  const response = await fetch(origin + path, { method, headers: { ...headers, ...json }, body });
  await response.json();
}

async function withAxios() {
  const { default: axios } = await import("axios");
  return (method, path, body) =>
    axios({ method, url: origin + path, headers, data: body && JSON.parse(body) });
}

const call = process.argv[2] === "axios" ? await withAxios() : withFetch;
for await (const line of createInterface({ input: process.stdin })) {
  const [method, path, body, times] = line.split(" ");
  const seconds = [];
  for (let i = 0; i < Number(times); i++) {
    const began = performance.now();
    await call(method, path, body === "-" ? undefined : body);
    seconds.push((performance.now() - began) / 1000);
  }
  console.log(JSON.stringify(seconds));
}
