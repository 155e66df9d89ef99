// Medplum's client against a running hub. Arguments: base URL, token.
import assert from "node:assert/strict";
import { MedplumClient, OperationOutcomeError, normalizeErrorString } from "@medplum/core";

const [, , base, token] = process.argv;

const client = new MedplumClient({
  baseUrl: base.replace(/fhir$/, ""),
  fhirUrlPath: "fhir",
  fetch,
  cacheTime: 0,
  maxRetries: 0,
});
client.setAccessToken(token);

const person = (given) => ({
  resourceType: "Patient",
  identifier: [{ system: "https://example.org/id", value: given }],
  name: [{ family: "Plum", given: [given] }],
  birthDate: "1941-05-04",
});

async function refusal(work) {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof OperationOutcomeError, String(error));
    return error.outcome.issue[0];
  }
  return assert.fail("this should have been refused");
}

const found = {};

const ada = await client.createResource(person("Ada"));
found.created = ada.meta.versionId;
found.updated = (await client.updateResource({ ...ada, gender: "female" })).meta.versionId;
found.read = (await client.readResource("Patient", ada.id)).gender;
found.first = (await client.readVersion("Patient", ada.id, "1")).gender ?? "none";
const patch = [{ op: "replace", path: "/gender", value: "other" }];
found.patched = (await client.patchResource("Patient", ada.id, patch)).meta.versionId;
found.history = (await client.readHistory("Patient", ada.id)).entry.map(
  (each) => each.resource.meta.versionId,
);
found.same = (
  await client.createResourceIfNoneExist(person("Ada"), "identifier=https://example.org/id|Ada")
).id === ada.id;

for (const given of ["Bea", "Cal", "Dot", "Eve"]) await client.createResource(person(given));
found.pages = [];
for await (const page of client.searchResourcePages("Patient", {
  family: "Plum",
  _sort: "given",
  _count: 2,
})) {
  found.pages.push(page.map((each) => each.name[0].given[0]));
}
found.one = (await client.searchOne("Patient", { identifier: "https://example.org/id|Cal" })).name[0]
  .given[0];

const plan = await client.createResource({
  resourceType: "CarePlan",
  status: "active",
  intent: "plan",
  subject: { reference: `Patient/${ada.id}` },
});
found.blind = (await refusal(client.updateResource({ ...plan, title: "Mine" }))).code;
const seen = { headers: { "If-Match": 'W/"1"' } };
found.seen = (await client.updateResource({ ...plan, title: "Mine" }, seen)).meta.versionId;
found.stale = (await refusal(client.updateResource({ ...plan, title: "His" }, seen))).code;

const subject = "urn:uuid:0d4f1c52-5a0c-4f0e-9a5f-1f8c6d2a7b10";
const done = await client.executeBatch({
  resourceType: "Bundle",
  type: "transaction",
  entry: [
    { fullUrl: subject, resource: person("Flo"), request: { method: "POST", url: "Patient" } },
    {
      resource: {
        resourceType: "Flag",
        status: "active",
        code: { text: "key safe" },
        subject: { reference: subject },
      },
      request: { method: "POST", url: "Flag" },
    },
  ],
});
found.transaction = done.entry.map((each) => each.response.status);

const wrong = await refusal(client.createResource({ ...person("Gil"), gender: "f" }));
found.wrong = [wrong.code, wrong.expression[0]];
found.unknown = (await refusal(client.search("Patient", "nickname=x"))).code;
found.everything = (await client.readPatientEverything(ada.id)).entry.map(
  (each) => each.resource.resourceType,
);
found.operation = (
  await refusal(client.post(client.fhirUrl("Patient", ada.id, "$no-such-thing"), {}))
).code;
await client.deleteResource("Patient", ada.id);
found.deleted = (await refusal(client.readResource("Patient", ada.id))).code;
client.setAccessToken("nobody");
found.stranger = normalizeErrorString(
  await client.readResource("Patient", ada.id).catch((error) => error),
);
console.log(JSON.stringify(found));
