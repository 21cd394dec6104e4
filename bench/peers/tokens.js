// How many o200k_base tokens has a text? A JSON string a line in, a number a line out.

import { createInterface } from "node:readline";
import { encode } from "gpt-tokenizer/encoding/o200k_base";

for await (const line of createInterface({ input: process.stdin })) console.log(encode(JSON.parse(line)).length);
