// A host of the view in a page: the official AppBridge, driven by the test through `window`.
import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

window.sizes = [];
window.told = [];

window.startHost = async (html, { capabilities, context }) => {
  const frame = document.createElement("iframe");
  frame.title = "view";
  frame.setAttribute("sandbox", "allow-scripts");
  frame.style = "width: 100%; height: 2400px; border: 0";
  document.body.replaceChildren(frame);
  const bridge = new AppBridge(null, { name: "test host", version: "1" }, capabilities, { hostContext: context });
  window.bridge = bridge;
  const initialized = new Promise((resolve) => { bridge.oninitialized = resolve; });
  bridge.onsizechange = (size) => window.sizes.push(size);
  bridge.onupdatemodelcontext = async (params) => { window.told.push(params.content[0].text); return {}; };
  bridge.oncalltool = (params) => window.callServer(params.name, params.arguments);
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  frame.srcdoc = html;
  await initialized;
};
