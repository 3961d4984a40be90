/* main.h: the commands of pare-cosim that have a file of their own. */
#ifndef PARE_RTL_MAIN_H
#define PARE_RTL_MAIN_H

int pare_cosim_main_characterize(int argc, char **argv);
int pare_cosim_main_descriptor(int argc, char **argv);
int pare_cosim_main_calibrate(int argc, char **argv);
int pare_cosim_main_layer(int argc, char **argv);
int pare_cosim_main_net(int argc, char **argv);

#endif
