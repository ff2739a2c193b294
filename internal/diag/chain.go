package diag

// At names the field that the error is about and the value found there, and returns e: return diag.Sys(...).At(...).
func (e *Error) At(field, value string) *Error {
	e.Field, e.Value = field, value
	return e
}

// WithHint adds one sentence that probably helps, and returns e. An empty one changes nothing.
func (e *Error) WithHint(hint string) *Error {
	if hint != "" {
		e.Hint = hint
	}
	return e
}
