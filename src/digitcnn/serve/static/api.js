// The OpenAPI document of this service, to be read by people.

const element = (name, text, ...children) => {
  const made = document.createElement(name);
  made.append(...(text ? [text] : []), ...children);
  return made;
};

const rows = (pairs) => element("dl", "", ...pairs.flatMap(([name, text]) => [element("dt", name), element("dd", text)]));

const named = (schema) => schema?.$ref?.split("/").at(-1) ?? schema?.anyOf?.map(named).join(" or ") ?? schema?.type ?? "any";

document.querySelector("#example").textContent =
  `curl --data-binary @picture.png ${location.origin}/v1/read\ncurl -F files=@one.png -F files=@two.png ${location.origin}/v1/predict`;

const { paths, components } = await (await fetch("openapi.json")).json();

for (const [path, operations] of Object.entries(paths)) {
  for (const [method, operation] of Object.entries(operations)) {
    const answers = Object.entries(operation.responses).map(([status, { description, content }]) =>
      [status, status === "200" ? named(content?.["application/json"]?.schema).replace(/Many_(\w+)_/, "{answers: [$1, …]}") : description]);
    document.querySelector("#operations").append(element("section", "",
      element("h2", "", element("b", method.toUpperCase()), ` ${path}`),
      element("p", operation.description),
      rows((operation.parameters ?? []).map((each) => [`?${each.name}`, each.schema.description ?? each.description ?? named(each.schema)])),
      rows(answers)));
  }
}

for (const [name, schema] of Object.entries(components.schemas)) {
  if (name.startsWith("Many_")) continue;
  const fields = Object.entries(schema.properties).map(([field, each]) =>
    [field, each.items ? `list of ${named(each.items)}` : named(each)]);
  document.querySelector("#operations").append(element("section", "", element("h2", name), element("p", schema.description), rows(fields)));
}
