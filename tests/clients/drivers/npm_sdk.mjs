// The official npm packages' client: the current package in either era, or the older one (`way` is "auto", "legacy" or "sdk1").

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , jobFile, resultFile] = process.argv;
const job = JSON.parse(readFileSync(jobFile, "utf8"));
const require = createRequire(join(job.environment, "package.json"));

const older = job.way === "sdk1";
const name = older ? "@modelcontextprotocol/sdk" : "@modelcontextprotocol/client";
const load = (path, alone) => require(older ? `${name}/client/${path}.js` : alone ? `${name}/${alone}` : name);
const { Client } = load("index");
const { StdioClientTransport } = load("stdio", "stdio");
const { StreamableHTTPClientTransport } = load("streamableHttp");

const options = older ? {} : { versionNegotiation: { mode: job.way } };
const client = new Client({ name: "asisso-client-test", version: "1.0.0" }, options);
const transport = job.url
  ? new StreamableHTTPClientTransport(new URL(job.url))
  : new StdioClientTransport({ command: job.command, args: job.args, env: { ...process.env, ...job.env } });
await client.connect(transport);

const tools = (await client.listTools()).tools.map((tool) => tool.name);
const answers = {};
for (const step of job.steps) {
  const result = await client.callTool({ name: step.tool, arguments: step.arguments });
  answers[step.name] = {
    text: result.content.map((block) => block.text).join("\n"),
    structure: result.structuredContent ?? null,
    error: result.isError ?? false,
  };
}
const protocol = older ? transport.protocolVersion ?? null : client.getNegotiatedProtocolVersion();
await client.close();

const manifest = JSON.parse(readFileSync(join(job.environment, "node_modules", name, "package.json"), "utf8"));
writeFileSync(resultFile, JSON.stringify({ tools, answers, versions: { [name]: manifest.version }, protocol }));
process.exit(0);
