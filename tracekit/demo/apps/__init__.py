"""The functions of a small shop, as their authors would write and deploy them; see docs/demo.md."""
