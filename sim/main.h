/* main.h: the subcommands of pare-sim that have a file of their own. Not part of the library. */
#ifndef PARE_SIM_MAIN_H
#define PARE_SIM_MAIN_H

int pare_main_run(int argc, char **argv);
int pare_main_machines(int argc, char **argv);
int pare_main_show(int argc, char **argv);
int pare_main_report(int argc, char **argv);
int pare_main_validate(int argc, char **argv);
int pare_main_infer(int argc, char **argv);
int pare_main_sweep(int argc, char **argv);
int pare_main_merge(int argc, char **argv);
int pare_main_export(int argc, char **argv);

#endif
