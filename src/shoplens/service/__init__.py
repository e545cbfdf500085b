"""The running system: settings, composition root, bundles, intake."""
