/** Forms that the bot opens: a dialog with text fields, menus and texts. */

import { MENUS } from "./component_view.js";
import { el } from "./dom.js";
import { everyone, nameOf } from "./people.js";

const TEXT_INPUT = 4;
const LABEL = 18;
const TEXT = 10;

/** Shows a modal in `dialog`. `context` gives `session`, `store`, `wording`, `draw`. */
export class ModalView {
  constructor(context, dialog) {
    this.context = context;
    this.dialog = dialog;
    context.session.addEventListener("modal", (event) => this.open(event.detail));
    context.store.addEventListener("viewer", () => dialog.open && dialog.close());
  }

  /** Open the form that answers an interaction. */
  open(modal) {
    const { wording, store } = this.context;
    this.fields = [];
    const body = modal.components.map((component) => this.part(component));
    const form = el(
      "form",
      { class: "modal-form", method: "dialog" },
      el("h2", { id: "modal-title", text: modal.title }),
      el("p", { class: "subtext", text: wording.text("modalWarning", { name: store.world.bot === null ? "Jauge" : nameOf(store.world.bot) }) }),
      ...body,
      el(
        "div",
        { class: "modal-actions" },
        el("button", { type: "button", class: "button secondary", "data-testid": "modal-cancel", text: wording.text("cancel"), on: { click: () => this.dialog.close() } }),
        el("button", { type: "submit", class: "button primary", "data-testid": "modal-submit", text: wording.text("submit") }),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit(modal);
    });
    this.dialog.replaceChildren(form);
    if (this.dialog.open) this.dialog.close();
    this.dialog.showModal();
    this.fields[0]?.node.focus();
  }

  part(component) {
    if (component.type === 1) return el("div", {}, ...component.components.map((one) => this.part(one)));
    if (component.type === LABEL) return this.labelled(component.component, component.label, component.description);
    if (component.type === TEXT_INPUT || MENUS.has(component.type)) return this.labelled(component, component.label ?? component.placeholder ?? "", null);
    if (component.type === TEXT) return this.context.draw.text(component.content ?? "");
    return null;
  }

  labelled(component, label, description) {
    const id = `modal-field-${this.fields.length}`;
    const field = component.type === TEXT_INPUT ? this.textField(component, id) : this.menuField(component, id);
    if (field === null) return null;
    const required = component.required ?? true;
    field.required = required;
    this.fields.push({ node: field, component });
    return el(
      "div",
      { class: "modal-field" },
      el("label", { for: id }, label, required ? el("span", { class: "required", "aria-hidden": "true", text: " *" }) : null),
      description ? el("div", { class: "subtext", text: description }) : null,
      field,
    );
  }

  textField(component, id) {
    const facts = {
      id,
      name: component.custom_id,
      placeholder: component.placeholder,
      minlength: component.min_length ?? null,
      maxlength: component.max_length ?? 4000,
      "data-testid": "modal-field",
      data: { customId: component.custom_id },
    };
    const field = component.style === 2 ? el("textarea", { ...facts, rows: 4 }) : el("input", { ...facts, type: "text", autocomplete: "off" });
    field.value = component.value ?? "";
    return field;
  }

  menuField(component, id) {
    if (!MENUS.has(component.type)) return null;
    const { store } = this.context;
    const things =
      component.type === 3
        ? component.options
        : component.type === 8
          ? store.world.channels.map((one) => ({ value: one.id, label: `#${one.name}` }))
          : everyone(store).map((one) => ({ value: one.id, label: nameOf(one) }));
    const several = (component.max_values ?? 1) > 1;
    return el(
      "select",
      { id, class: "menu", multiple: several, "data-testid": "modal-field", data: { customId: component.custom_id } },
      several ? null : el("option", { value: "", text: component.placeholder ?? this.context.wording.text("choose") }),
      ...things.map((one) => el("option", { value: one.value, text: one.label, selected: Boolean(one.default) })),
    );
  }

  async submit(modal) {
    const values = {};
    for (const { node, component } of this.fields) {
      if (component.type === TEXT_INPUT) values[component.custom_id] = node.value;
      else values[component.custom_id] = [...node.selectedOptions].map((option) => option.value).filter((value) => value !== "");
    }
    if (await this.context.session.submitModal(modal.interaction, values)) this.dialog.close();
  }
}
