// The npm SDK's server, written by hand as its documentation shows.

import { randomUUID } from "node:crypto";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";

const slot = z.object({ day_of_week: z.number().int().min(0).max(6), start_time: z.string(), end_time: z.string() });
const settings = {
  name: z.string().min(1).max(255).optional(),
  retry_config: z
    .object({
      enabled: z.boolean().default(true),
      max_retries: z.number().int().min(0).max(10).default(2),
      retry_delay_seconds: z.number().int().min(30).max(3600).default(120),
      retry_on_busy: z.boolean().default(true),
      retry_on_no_answer: z.boolean().default(true),
      retry_on_voicemail: z.boolean().default(true),
    })
    .optional(),
  max_concurrency: z.number().int().min(1).max(100).optional(),
  schedule_config: z
    .object({ enabled: z.boolean().default(true), timezone: z.string().default("UTC"), slots: z.array(slot) })
    .optional(),
  circuit_breaker: z
    .object({
      enabled: z.boolean().default(true),
      failure_threshold: z.number().min(0).max(1).default(0.5),
      window_seconds: z.number().int().min(30).max(600).default(120),
      min_calls_in_window: z.number().int().min(1).max(100).default(5),
    })
    .optional(),
};

async function ask(method, path, body) {
  const response = await fetch(`${process.env.ASISSO_BASE_URL}/api/v1${path}`, {
    method,
    headers: { "X-API-Key": process.env.ASISSO_API_KEY, ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return { content: [{ type: "text", text: JSON.stringify(await response.json()) }] };
}

function build() {
  const server = new McpServer({ name: "campaigns", version: "1.0.0" });
  const one = { campaign_id: z.number().int() };
  server.registerTool("list_campaigns", { description: "List all campaigns." }, () => ask("GET", "/campaign/"));
  server.registerTool("get_campaign", { description: "Get one campaign by its id.", inputSchema: one }, ({ campaign_id }) =>
    ask("GET", `/campaign/${campaign_id}`));
  server.registerTool(
    "update_campaign",
    { description: "Update the settings of a campaign. What is left out stays as it is.", inputSchema: { ...one, ...settings } },
    ({ campaign_id, ...named }) => ask("PATCH", `/campaign/${campaign_id}`, named));
  server.registerTool("pause_campaign", { description: "Pause a running campaign.", inputSchema: one }, ({ campaign_id }) =>
    ask("POST", `/campaign/${campaign_id}/pause`));
  server.registerTool("resume_campaign", { description: "Resume a paused campaign.", inputSchema: one }, ({ campaign_id }) =>
    ask("POST", `/campaign/${campaign_id}/resume`));
  return server;
}

async function serveHttp(port) {
  const { createMcpExpressApp } = await import("@modelcontextprotocol/sdk/server/express.js");
  const { StreamableHTTPServerTransport } = await import("@modelcontextprotocol/sdk/server/streamableHttp.js");
  const sessions = new Map();
  const app = createMcpExpressApp();
  app.post("/mcp", async (request, response) => {
    let transport = sessions.get(request.headers["mcp-session-id"]);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      await build().connect(transport);
    }
    await transport.handleRequest(request, response, request.body);
  });
  app.listen(port, "127.0.0.1");
}

if (process.argv[2] === "--http") {
  await serveHttp(Number(process.argv[3]));
} else {
  const { StdioServerTransport } = await import("@modelcontextprotocol/sdk/server/stdio.js");
  await build().connect(new StdioServerTransport());
}
