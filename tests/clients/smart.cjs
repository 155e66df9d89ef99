// SMART's JavaScript client against a running hub. Arguments: base URL, token.
const assert = require("node:assert/strict");
const smart = require("fhirclient");

const [, , base, token] = process.argv;

// A client as it is after a launch: with a token, and no way to fetch another.
const storage = { get: async () => undefined, set: async () => undefined, unset: async () => true };
const client = smart({ headers: {}, url: "/" }, {}, storage).client({
  serverUrl: base,
  tokenResponse: { access_token: token, token_type: "bearer" },
});

const person = (given) => ({
  resourceType: "Patient",
  name: [{ family: "Script", given: [given] }],
  birthDate: "1941-05-04",
});

async function refusal(work) {
  try {
    await work;
  } catch (error) {
    return error;
  }
  return assert.fail("this should have been refused");
}

async function main() {
  const found = {};
  found.release = await client.getFhirRelease();

  const ada = await client.create(person("Ada"));
  found.created = ada.meta.versionId;
  const changed = await client.update({ ...ada, gender: "female" });
  found.updated = [changed.meta.versionId, (await client.request(`Patient/${ada.id}`)).gender];
  const patch = [{ op: "replace", path: "/gender", value: "other" }];
  found.patched = (await client.patch(`Patient/${ada.id}`, patch)).gender;
  found.history = (await client.request(`Patient/${ada.id}/_history`)).entry.map(
    (each) => each.resource.meta.versionId,
  );

  for (const given of ["Bea", "Cal", "Dot", "Eve"]) await client.create(person(given));
  const address = "Patient?family=Script&_sort=given&_count=2";
  const everybody = await client.request(address, { pageLimit: 0, flat: true });
  found.pages = everybody.map((each) => each.name[0].given[0]);

  const flag = {
    resourceType: "Flag",
    status: "active",
    code: { text: "dog" },
    subject: { reference: `Patient/${ada.id}` },
  };
  const warning = await client.create(flag);
  const resolved = await client.request(`Flag/${warning.id}`, { resolveReferences: "subject" });
  found.resolved = resolved.subject.birthDate;

  const plan = await client.create({
    resourceType: "CarePlan",
    status: "active",
    intent: "plan",
    subject: { reference: `Patient/${ada.id}` },
  });
  found.blind = (await refusal(client.update(plan))).statusCode;
  const seen = { headers: { "If-Match": 'W/"1"' } };
  found.seen = (await client.update(plan, seen)).meta.versionId;
  found.stale = (await refusal(client.update(plan, seen))).statusCode;

  found.transaction = (
    await client.request({
      url: base,
      method: "POST",
      headers: { "Content-Type": "application/fhir+json" },
      body: JSON.stringify({
        resourceType: "Bundle",
        type: "transaction",
        entry: [{ resource: person("Flo"), request: { method: "POST", url: "Patient" } }],
      }),
    })
  ).entry[0].response.status;

  const wrong = await refusal(client.create({ ...person("Gil"), gender: "f" }));
  found.wrong = [wrong.statusCode, /must be one of|gender/.test(wrong.message)];
  found.everything = (await client.request(`Patient/${ada.id}/$everything`)).entry.map(
    (each) => each.resource.resourceType,
  );
  found.operation = (
    await refusal(client.request({ url: "Patient/x/$no-such-thing", method: "POST" }))
  ).statusCode;
  await client.delete(`Patient/${ada.id}`);
  found.deleted = (await refusal(client.request(`Patient/${ada.id}`))).statusCode;
  console.log(JSON.stringify(found));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
