#pragma once
/* The one Machine, which the kernel gives to init and nobody can grant by name. */
struct object;
struct object *machine_object(void);
