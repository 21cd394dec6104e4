// The messages between this view and its host: JSON-RPC over postMessage, as the MCP Apps specification of 2026-01-26 has them.
"use strict";

const ANSWER_SECONDS = 90;

const bridge = {
  capabilities: {},
  context: {},
  isClosed: false,
  handlers: {},

  /** Sends a request. The promise fails with a sentence: what the host said, or that it said nothing in time. */
  request(method, params) {
    return new Promise((resolve, reject) => {
      if (this.isClosed) { reject(new Error("This view was closed.")); return; }
      const id = this._nextId++;
      const timer = setTimeout(() => {
        this._pending.delete(id);
        reject(new Error(`The host did not answer within ${ANSWER_SECONDS} s. Whether the request took effect is unknown: read again before you repeat it.`));
      }, ANSWER_SECONDS * 1000);
      this._pending.set(id, { resolve, reject, timer });
      this._post({ id, method, params });
    });
  },

  notify(method, params = {}) {
    if (!this.isClosed) this._post({ method, params });
  },

  /** Introduces the view to the host; afterwards the host sends what the tool was asked and what it answered. */
  async connect() {
    window.addEventListener("message", (event) => { if (event.source === window.parent) this._receive(event.data); });
    const host = await this.request("ui/initialize", {
      appInfo: { name: "asisso", version: "1" },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
      protocolVersion: "2026-01-26",
    });
    this.capabilities = host.hostCapabilities || {};
    this._merge(host.hostContext || {});
    this.notify("ui/notifications/initialized");
    this._reportSize();
  },

  /** The names of tools that this view may call cannot be known before: the host says only whether it passes calls on. */
  get canCall() { return Boolean(this.capabilities.serverTools); },

  callTool(name, args) { return this.request("tools/call", { name, arguments: args }); },

  /** Lets the model know what a person did here, where the host takes that. */
  tellModel(text) {
    if (this.capabilities.updateModelContext)
      this.request("ui/update-model-context", { content: [{ type: "text", text }] }).catch(() => {});
  },

  _nextId: 1,
  _pending: new Map(),

  _post(message) { window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*"); },

  _receive(message) {
    if (!message || message.jsonrpc !== "2.0") return;
    if (message.method === undefined) this._settle(message);
    else if (message.id !== undefined) this._answer(message);
    else if (!this.isClosed) {
      if (message.method === "ui/notifications/host-context-changed") this._merge(message.params || {});
      this.handlers[message.method]?.(message.params || {});
    }
  },

  _settle({ id, result, error }) {
    const waiting = this._pending.get(id);
    if (!waiting) return;
    this._pending.delete(id);
    clearTimeout(waiting.timer);
    if (error) waiting.reject(new Error(String(error.message || "The host refused the request.")));
    else waiting.resolve(result || {});
  },

  _answer({ id, method }) {
    if (method === "ping") this._post({ id, result: {} });
    else if (method === "ui/resource-teardown") {
      this._post({ id, result: {} });
      this.isClosed = true;
      this._sizes?.disconnect();
      for (const { timer } of this._pending.values()) clearTimeout(timer);
      this._pending.clear();
      this.handlers.closed?.();
    } else this._post({ id, error: { code: -32601, message: `This view has no method ${method}` } });
  },

  _merge(changed) {
    Object.assign(this.context, changed);
    const root = document.documentElement;
    if (["light", "dark"].includes(changed.theme)) root.style.colorScheme = changed.theme;
    for (const [name, value] of Object.entries(changed.styles?.variables || {}))
      if (/^--[a-z0-9-]+$/.test(name) && typeof value === "string") root.style.setProperty(name, value);
  },

  _reportSize() {
    let last = "";
    const report = () => {
      const width = Math.ceil(window.innerWidth), height = Math.ceil(document.documentElement.getBoundingClientRect().height);
      if (`${width} ${height}` !== last) this.notify("ui/notifications/size-changed", { width, height });
      last = `${width} ${height}`;
    };
    this._sizes = new ResizeObserver(report);
    this._sizes.observe(document.documentElement);
    report();
  },
};
