"""Floor 0, beside the core: how `vmap` does many examples at once. Lanes stand for arrays; kinds have rules here."""
