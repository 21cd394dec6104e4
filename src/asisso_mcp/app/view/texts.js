// What a tool's text says, for hosts that hand over nothing else, and for the facts that the structured result leaves to it.

/** The text of a result. */
function textOf(result) {
  const blocks = Array.isArray(result?.content) ? result.content : [];
  const text = blocks.filter((block) => block?.type === "text").map((block) => block.text).join("\n");
  return clean(text || result?.structuredContent?.summary || "");
}

/** The rows of list_campaigns: from its lines, and from its structure where that came. */
function rowsOf(text, structure) {
  const rows = new Map();
  for (const line of text.split("\n")) {
    const found = /^- (\d+) "(.*)": (.*)$/.exec(line);
    if (found) rows.set(Number(found[1]), { campaign_id: Number(found[1]), name: found[2], facts: found[3] });
  }
  if (!structure) return [...rows.values()];
  return structure.campaigns.map((row) => ({ ...rows.get(row.campaign_id), ...row }));
}

/** The parts of get_campaign's text: the first line without the name, labelled facts, log entries, and the rest. */
function partsOf(text) {
  const [first = "", ...lines] = text.split("\n");
  const parts = { first, evidence: first, facts: [], log: [], logTitle: "", rest: [] };
  const after = first.search(/" is (a )?[a-z]+\. /);
  if (after >= 0) parts.evidence = first.slice(first.indexOf(". ", after) + 2);
  for (const line of lines) {
    const fact = /^(Calling hours|Retries|Concurrency|Circuit breaker|Progress): (.*)$/.exec(line);
    if (fact) parts.facts.push([fact[1], fact[2]]);
    else if (line.startsWith("- ")) parts.log.push(line.slice(2));
    else if (line.startsWith("Log, ")) parts.logTitle = line.replace(/:$/, "");
    else if (line && !line.startsWith("Revision ")) parts.rest.push(line);
  }
  return parts;
}
