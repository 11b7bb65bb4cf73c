"""The emitters: a Schedule becomes the text of a module. Reached by name through ``tnc.codegen.emitter``."""
